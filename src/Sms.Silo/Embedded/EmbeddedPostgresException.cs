namespace Sms.Silo.Embedded;

/// <summary>The embedded PostgreSQL cannot be had; the message is one line that says what to do or what the server said.</summary>
internal sealed class EmbeddedPostgresException(string message) : Exception(message);
