namespace Sms.Benchmarks;

/// <summary>How much of each.</summary>
/// <param name="Runs">Figures are their medians.</param>
/// <param name="Time">Of one run of one load.</param>
/// <param name="Messages">That reads are made among.</param>
internal sealed record Load(int Runs, TimeSpan Time, int Messages)
{
    public int Seconds => (int)Time.TotalSeconds;
}
