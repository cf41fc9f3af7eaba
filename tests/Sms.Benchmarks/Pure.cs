using System.Net;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Microsoft.Extensions.Options;
using NodaTime;
using Sms.Api;
using Sms.Domain.Attempts;
using Sms.Domain.Phones;
using Sms.Domain.Places;
using Sms.Domain.Replies;
using Sms.Domain.Segments;
using Sms.Domain.Sending;
using Sms.Ports;
using Sms.Silo.Twilio;

namespace Sms.Benchmarks;

/// <summary>The rules alone, without grains, HTTP and SQL.</summary>
[MemoryDiagnoser]
public class Pure
{
    private const string Plain = "Hello, your technician is on the way and will be there between 10 and 11. Reply C to confirm.";
    private const string Token = "12345";

    private static readonly Instant Now = Instant.FromUtc(2026, 11, 24, 15, 0);
    private static readonly KeyValuePair<string, string>[] Form =
        [new("MessageSid", "SM00000000000000000000000000000000"), new("MessageStatus", "delivered"), new("To", "+15125550100"), new("From", "+15005550006"), new("AccountSid", "AC00000000000000000000000000000000")];

    private readonly PlaceFacts _place = new(PhoneNumber.FromE164("+15125550100"), Zone: null, PostalCode: null, State: null);
    private SendFacts _facts = null!;
    private TwilioProvider _provider = null!;

    [GlobalSetup]
    public void Prepare()
    {
        _facts = new SendFacts(
            Category.Marketing, _place, "America/Chicago", 1, ConsentStatus.OptedIn, OptedOut: false, Unreachable: false,
            BusinessSettings.Default, NotBefore: null, ValidUntil: null, SegmentsToday: 0, MessagesThisMonth: 0);
        var http = new HttpClient(new Accepting());
        _provider = new TwilioProvider(
            http, http, Options.Create(new TwilioOptions { AccountSid = "AC00000000000000000000000000000001", AuthToken = Token }),
            TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<TwilioProvider>.Instance);
    }

    [Benchmark(Description = "segments of 94 characters of GSM-7")]
    public int Gsm() => SmsSegments.Measure(Plain).Segments;

    [Benchmark(Description = "segments of the same with an emoji")]
    public int Ucs2() => SmsSegments.Measure(Plain + "😀").Segments;

    [Benchmark(Description = "a phone number read")]
    public bool Phone() => PhoneNumber.TryParse("(512) 555-0100", "US", out _);

    [Benchmark(Description = "a place by its area code")]
    public RecipientPlace Place() => RecipientPlace.Of(_place, "America/Chicago");

    [Benchmark(Description = "a marketing text decided, all laws of Texas")]
    public Verdict Decision() => SendPolicy.Decide(_facts, Now);

    [Benchmark(Description = "a reply classified")]
    public Reply Reply() => ReplyClassifier.Classify("Please stop texting me, thanks", providersVerdict: null);

    [Benchmark(Description = "a webhook's signature refused")]
    public bool Signature() => TwilioSignature.IsValid(Token, "https://sms.example.com/webhooks/twilio/status?attempt=1", Form, "0/KCTR6DLpKmkAf8muzZqo1nDgQ=");

    [Benchmark(Description = "a text handed to Twilio's package and accepted, without a network")]
    public Task<ProviderOutcome> Create() => _provider.CreateAsync(
        new ProviderRequest(
            Guid.CreateVersion7(), PhoneNumber.FromE164("+15125550100"), Plain, new Sender("+15005550006", MessagingServiceSid: null),
            Duration.FromHours(4), Deadline.After(TimeSpan.FromSeconds(10), TimeProvider.System)),
        CancellationToken.None);

    internal static async Task RunAsync()
    {
        var artifacts = Directory.CreateTempSubdirectory("sms-pure-").FullName;
        var summary = BenchmarkRunner.Run<Pure>(ManualConfig.CreateEmpty()
            .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance)).AddDiagnoser(MemoryDiagnoser.Default)
            .AddColumnProvider(DefaultColumnProviders.Instance).AddLogger(NullLogger.Instance).WithArtifactsPath(artifacts));
        Directory.Delete(artifacts, recursive: true);
        var report = new Report("pure");
        foreach (var one in summary.Reports)
        {
            var name = one.BenchmarkCase.Descriptor.WorkloadMethodDisplayInfo.Trim('\'');
            report.Add(name, "ns", one.ResultStatistics?.OriginalValues.ToList() ?? throw new InvalidOperationException($"{name} was not measured."));
            report.Add($"{name}: allocated", "B", [one.GcStats.GetBytesAllocatedPerOperation(one.BenchmarkCase) ?? 0]);
        }

        await report.SaveAsync();
    }

    /// <summary>Takes every text, and answers as Twilio does.</summary>
    private sealed class Accepting : HttpMessageHandler
    {
        private static readonly byte[] Reply = """
            {"account_sid":"AC00000000000000000000000000000001","api_version":"2010-04-01","body":"Hello","date_created":"Mon, 23 Nov 2026 10:00:00 +0000",
            "date_sent":null,"date_updated":"Mon, 23 Nov 2026 10:00:00 +0000","direction":"outbound-api","error_code":null,"error_message":null,
            "from":"+15005550006","messaging_service_sid":null,"num_media":"0","num_segments":"1","price":null,"price_unit":"USD",
            "sid":"SM00000000000000000000000000000000","status":"queued","subresource_uris":{"media":"/Media.json"},"to":"+15125550100","uri":"/x.json"}
            """u8.ToArray();

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            await request.Content!.CopyToAsync(Stream.Null, cancellationToken);
            return new HttpResponseMessage(HttpStatusCode.Created) { Content = new ByteArrayContent(Reply) };
        }
    }
}
