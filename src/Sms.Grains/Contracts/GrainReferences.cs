using Orleans.Runtime;

namespace Sms.Contracts;

/// <summary>
/// The grains that are called for each request, under their names: GetGrain&lt;T&gt; reads the interface's attributes at
/// every call, which is a fortieth of what a send costs the program.
/// </summary>
internal static class GrainReferences
{
    private const string BusinessName = "sms.business", RecordsName = "sms.records", ReaderName = "sms.reader", WebhookName = "sms.webhook";

    private static readonly GrainType BusinessType = GrainType.Create(BusinessName);
    private static readonly GrainType RecordsType = GrainType.Create(RecordsName);
    private static readonly GrainInterfaceType BusinessInterface = GrainInterfaceType.Create(BusinessName);
    private static readonly GrainInterfaceType RecordsInterface = GrainInterfaceType.Create(RecordsName);
    private static readonly GrainInterfaceType ReaderInterface = GrainInterfaceType.Create(ReaderName);
    private static readonly GrainInterfaceType WebhookInterface = GrainInterfaceType.Create(WebhookName);

    /// <summary>Stateless: any number stands for it.</summary>
    private static readonly GrainId AnyReader = Of(ReaderName), AnyWebhook = Of(WebhookName);

    public static IBusinessGrain Business(this IGrainFactory grains, Guid id) =>
        (IBusinessGrain)grains.GetGrain(GrainId.Create(BusinessType, GrainIdKeyExtensions.CreateGuidKey(id)), BusinessInterface);

    public static IRecordsGrain Records(this IGrainFactory grains, Guid business) =>
        (IRecordsGrain)grains.GetGrain(GrainId.Create(RecordsType, GrainIdKeyExtensions.CreateGuidKey(business)), RecordsInterface);

    public static IReaderGrain Reader(this IGrainFactory grains) => (IReaderGrain)grains.GetGrain(AnyReader, ReaderInterface);

    public static IWebhookGrain Webhook(this IGrainFactory grains) => (IWebhookGrain)grains.GetGrain(AnyWebhook, WebhookInterface);

    private static GrainId Of(string name) => GrainId.Create(GrainType.Create(name), GrainIdKeyExtensions.CreateIntegerKey(0));
}
