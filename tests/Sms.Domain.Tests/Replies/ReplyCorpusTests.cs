using Sms.Domain.Replies;
using Xunit;

namespace Sms.Domain.Tests.Replies;

/// <summary>How well replies are understood: over the whole corpus, over each half, and in each language.</summary>
public sealed class ReplyCorpusTests
{
    private static readonly string[] Languages = ["en", "es", "fr", "pt", "ht", "vi", "zh", "tl", "ko", "ru", "ar"];

    public static TheoryData<string> Parts => [.. Languages, ReplyCorpus.Known, ReplyCorpus.Unseen, "all"];

    [Fact]
    public void The_corpus_is_large_and_balanced_and_half_of_it_was_written_unseen()
    {
        Assert.True(ReplyCorpus.All.Count >= 1500);
        Assert.True(Part(ReplyCorpus.Unseen).Length >= Part(ReplyCorpus.Known).Length);
        Assert.Equal(ReplyCorpus.All.Count, ReplyCorpus.All.DistinctBy(r => (r.Language, r.Text)).Count());
        foreach (var language in Languages)
        {
            Assert.True(Part(language).Count(r => r.Label == "opt_out") >= 70, language);
            Assert.True(Part(language).Count(r => r.Label == "ordinary") >= 55, language);
        }
    }

    [Theory]
    [MemberData(nameof(Parts))]
    public void Nearly_every_hard_opt_out_opts_out_and_none_is_an_ordinary_reply(string part)
    {
        var optOuts = Part(part).Where(r => r.Label == "opt_out").ToArray();
        var missed = optOuts.Where(r => r.Kind is not (ReplyKind.OptOut or ReplyKind.Review)).ToArray();
        Assert.True(missed.Length == 0, Texts(missed));
        AtLeast(part == "all" ? 0.95 : 0.93, optOuts, r => r.Kind == ReplyKind.OptOut);
    }

    [Theory]
    [MemberData(nameof(Parts))]
    public void Hardly_anything_else_opts_out(string part) =>
        AtLeast(part == "all" ? 0.99 : 0.97, [.. Part(part).Where(r => r.Kind == ReplyKind.OptOut)], r => r.Label == "opt_out");

    [Theory]
    [MemberData(nameof(Parts))]
    public void Hardly_any_ordinary_reply_waits_for_a_person(string part) =>
        AtLeast(part == "all" ? 0.96 : 0.94, [.. Part(part).Where(r => r.Label == "ordinary")], r => r.Kind != ReplyKind.Review);

    [Fact]
    public void Calls_for_help_and_for_texts_and_what_a_person_must_judge_are_mostly_found()
    {
        foreach (var (label, kind, least) in new[] { ("help", ReplyKind.Help, 0.95), ("opt_in", ReplyKind.OptIn, 0.85), ("review", ReplyKind.Review, 0.85) })
            AtLeast(least, [.. ReplyCorpus.All.Where(r => r.Label == label)], r => r.Kind == kind);
    }

    [Fact]
    public void Who_asks_for_no_texts_never_opts_in() =>
        Assert.DoesNotContain(ReplyCorpus.All, r => r is { Label: not ("opt_in" or "ordinary"), Kind: ReplyKind.OptIn });

    private static LabelledReply[] Part(string part) =>
        [.. ReplyCorpus.All.Where(r => part == "all" || r.Language == part || r.File == part)];

    private static void AtLeast(double least, LabelledReply[] replies, Predicate<LabelledReply> isRight)
    {
        var wrong = Array.FindAll(replies, r => !isRight(r));
        Assert.True(replies.Length - wrong.Length >= least * replies.Length, $"{replies.Length - wrong.Length} of {replies.Length}. {Texts(wrong)}");
    }

    private static string Texts(LabelledReply[] replies) => string.Join('\n', replies.Select(r => $"{r.Language} {r.Label} was taken for {r.Kind}: {r.Text}"));
}
