namespace Sms.Benchmarks;

/// <summary>How much of each.</summary>
/// <param name="Runs">Figures are their medians.</param>
/// <param name="Time">Of one run of one load.</param>
internal sealed record Load(int Runs, TimeSpan Time)
{
    public int Seconds => (int)Time.TotalSeconds;
}
