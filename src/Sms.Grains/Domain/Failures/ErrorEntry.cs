namespace Sms.Domain.Failures;

/// <summary>What is known of one of Twilio's error codes.</summary>
/// <param name="Code">Twilio's number for it, five digits.</param>
/// <param name="Meaning">In a few words.</param>
/// <param name="Class">What it means for the message; of the two that a code may have, that of the reply to a create.</param>
/// <param name="OnCreate">True when the reply to a create can carry it.</param>
/// <param name="OnDelivery">
/// True when a status callback or a look-up can carry it. Neither: it comes as an alert, or with inbound messages.
/// </param>
public sealed record ErrorEntry(int Code, string Meaning, FailureClass Class, bool OnCreate, bool OnDelivery)
{
    /// <summary>What it means in a status callback or a look-up, for a message that the provider had taken. Mostly <see cref="Class"/>.</summary>
    public FailureClass DeliveryClass { get; init; } = Class;
}
