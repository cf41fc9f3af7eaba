namespace Sms.Integration.Tests.Api;

/// <summary>All that holds of the API in a silo holds of a front-end before a headless silo: the same tests, asked there.</summary>
public static class ThroughAFrontEndTests
{
    public sealed class Allowed(SharedFrontEnd shared) : AllowedTests(shared);

    public sealed class Authentication(SharedFrontEnd shared) : AuthenticationTests(shared);

    public sealed class Batch(SharedFrontEnd shared) : BatchTests(shared);

    public sealed class Blackout(SharedFrontEnd shared) : BlackoutTests(shared);

    public sealed class Description(SharedFrontEnd shared) : DescriptionTests(shared);

    public sealed class EveryCall(SharedFrontEnd shared) : EveryCallTests(shared);

    public sealed class ForeignId(SharedFrontEnd shared) : ForeignIdTests(shared);

    public sealed class Idempotency(SharedFrontEnd shared) : IdempotencyTests(shared);

    public sealed class List(SharedFrontEnd shared) : ListTests(shared);

    public sealed class MalformedInput(SharedFrontEnd shared) : MalformedInputTests(shared);

    public sealed class NumberLaw(SharedFrontEnd shared) : NumberLawTests(shared);

    public sealed class Preview(SharedFrontEnd shared) : PreviewTests(shared);

    public sealed class PrivacyApi(SharedFrontEnd shared) : PrivacyApiTests(shared);

    public sealed class Record(SharedFrontEnd shared) : RecordTests(shared);

    public sealed class Refusal(SharedFrontEnd shared) : RefusalTests(shared);

    public sealed class Reply(SharedFrontEnd shared) : ReplyTests(shared);

    public sealed class Sending(SharedFrontEnd shared) : SendingTests(shared);

    public sealed class Waiting(SharedFrontEnd shared) : WaitingTests(shared);

    public sealed class Webhook(SharedFrontEnd shared) : WebhookTests(shared);
}
