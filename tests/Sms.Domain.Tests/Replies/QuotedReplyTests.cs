using Sms.Domain.Replies;
using Sms.Domain.Tables;
using Xunit;

namespace Sms.Domain.Tests.Replies;

/// <summary>Reactions and quotations are not the person's own words.</summary>
public sealed class QuotedReplyTests
{
    private static readonly string[] Texts =
    [
        "Sale today. Reply STOP to opt out", "To unsubscribe from our texts reply STOP", "Sale today.\nReply STOP to opt out", "Reply STOP", "STOP", "STOP to end",
        "If you no longer want to receive texts, text STOP or QUIT", "Reply YES to confirm, HELP for help", "Text me STOP and I will remove you, no more texts",
        "Stop by at 5! It's 50% off, don't miss it", "Our “big” sale. Reply STOP to opt out", "12” pizza today. Reply STOP to opt out", "Our \"big\" sale. Reply STOP", "¡Oferta! Responda ALTO o BAJA para no recibir más mensajes",
        "Répondez ARRET. Plus de messages", "See https://acme.example/stop?x=“1”, or unsubscribe", "Reply STOP to opt out 🛑", "Reply STOP to opt out…", "Sale! (Reply “STOP” to opt out)", "UNSUBSCRIBE, opt out, remove me",
    ];

    private static readonly string[] Heads =
    [
        "Loved", "Liked", "Disliked", "Laughed at", "Emphasized", "Emphasised", "Questioned", "Removed a heart from", "Removed a like from", "Removed a dislike from", "Removed a laugh from",
        "Removed an exclamation from", "Removed a question mark from", "Reacted 👍 to", "Reacted 👍🏽 to", "Reacted ❤️ to", "Reacted 🙂‍↕️ to", "Removed 👍 from", "Reacted with a sticker to", "👍 to", "❤️ to", "‼️ to", "? to", "👍 from", "LIKED",
        "Le gustó", "Le encantó", "No le gustó", "Le dio risa", "Exclamó por", "Dudó sobre", "Enfatizó", "Se rió de", "A Ana le gustó", "A Ana María le encantó", "Me gusta", "Me encanta", "Reaccionó con 👍 a", "Eliminó un “Me gusta” de", "Quitó un corazón de", "Quitó 👍 de", "👍 a",
        "A aimé", "A adoré", "N’a pas aimé", "N'a pas aimé", "A ri de", "A mis en évidence", "A souligné", "A posé une question sur", "S’est interrogé(e) sur", "A réagi avec 👍 à", "A réagi 😂 à", "A retiré la réaction 😂 à", "A retiré un J’aime de", "a ajouté un « J’aime » à", "a attribué la mention « Adore » à", "a attribué la mention « 😂 » à", "👍 à",
        "Gefällt", "Gefällt mir:", "Liebt", "Lachte über", "Betonte", "Hinterfragte nicht, Reagierte mit 👍 auf", "Hat mit 👍 reagiert auf", "Reagierte mit 👍 auf", "Entfernte 👍 aus", "👍 zu",
        "Curtiu", "Amou", "Não curtiu", "Riu de", "Enfatizou", "Questionou", "Reagiu com 👍 a", "Removeu uma curtida de", "Ana curtiu", "👍 para",
        "Piace", "Non piace", "Ha adorato", "Ha riso a", "Ha evidenziato", "Ha messo in dubbio", "Ha reagito con 👍 a", "Ha rimosso un cuore da", "👍 su",
        "Vindt leuk", "Polubił", "Понравилось", "Реакция 👍 на", "Посмеялись над",
    ];

    private static readonly string[] NotOfOurTable = ["Hinterfragte nicht, Reagierte mit 👍 auf", "Ha messo in dubbio"];

    private static readonly (string Open, string Close)[] Marks =
        [("“", "”"), ("\"", "\""), ("„", "“"), ("„", "”"), ("«", "»"), ("« ", " »"), ("«\u00A0", "\u00A0»"), ("“\u200A", "\u200A”\u200A"), ("\"\u200A", "\u200A\"\u200A"), ("” ".Trim(), "”"), ("» ".Trim(), "«")];

    [Fact]
    public void A_phones_reaction_is_an_ordinary_reply()
    {
        var wrong = new List<string>();
        foreach (var (head, text, (open, close)) in from h in Heads.Except(NotOfOurTable) from t in Texts where !(h.StartsWith("Ana ", StringComparison.Ordinal) && t == "STOP") from m in Marks select (h, t, m))
        {
            foreach (var reply in new[] { $"{head} {open}{text}{close}", $"{head} {open}{text}…{close}", $"{head} {open}{text}...{close}", $"  {head} {open}{text}{close} \n" })
            {
                if (Classify(reply).Kind != ReplyKind.Other)
                    wrong.Add(reply);
            }
        }

        Assert.True(wrong.Count == 0, $"{wrong.Count}: {string.Join('\n', wrong.Take(40))}");
    }

    [Fact]
    public void So_is_one_that_was_cut_off()
    {
        foreach (var (head, text, (open, _)) in from h in Heads.Except(NotOfOurTable) from t in Texts.Where(t => t.IndexOfAny(['“', '"', '”']) < 0) where !(h.StartsWith("Ana ", StringComparison.Ordinal) && t == "STOP") from m in Marks select (h, t, m))
        {
            foreach (var reply in new[] { $"{head} {open}{text}", $"{head} {open}{text}…", $"{head} {open}{text}..." })
                Assert.True(Classify(reply).Kind == ReplyKind.Other, reply);
        }
    }

    [Theory]
    [InlineData("Hat „Sale today. Reply STOP to opt out“ mit „Gefällt mir“ markiert")]
    [InlineData("Hat „Reply STOP“ mit „Gefällt mir“ markiert")]
    [InlineData("Ana hat „Reply STOP“ mit „Gefällt mir nicht“ markiert")]
    [InlineData("Hat über „Reply STOP“ gelacht")]
    [InlineData("Hat „Reply STOP“ geliebt")]
    [InlineData("„Reply STOP“ gefällt mir")]
    [InlineData("Liked 'Sale today. Reply STOP to opt out'")]
    [InlineData("Liked ‘It’s a sale. Reply STOP to opt out’")]
    [InlineData("Loved an image")]
    [InlineData("\u200A\u200B👍\u200B to “\u200ASale today. Reply STOP to opt out\u200A”\u200A")]
    [InlineData("\u200ARemoved \u200C👍\u200C from “\u200AReply STOP\u200A”\u200A")]
    [InlineData("\u200A\u200B❤️\u200B egy ismeretlen nyelven “\u200AReply STOP\u200A”\u200A")]
    [InlineData("👍 to \" Sale today. Reply STOP to opt out \"")]
    // Longer passages of somebody else's.
    [InlineData("Re: “Sale today. Reply STOP to opt out” what time do you open?")]
    [InlineData("What does \"Reply STOP to opt out\" mean?")]
    [InlineData("“Sale today. Reply STOP to opt out” is it still on?")]
    [InlineData("を高く評価 “Sale today. Reply STOP to opt out”")]
    // Lines of an earlier text.
    [InlineData("Sounds good!\n> Sale today.\n> Reply STOP to opt out")]
    [InlineData("> Sale today. Reply STOP to opt out\nWhat time?")]
    [InlineData("> Sale today. Reply STOP to opt out")]
    [InlineData("Thanks\n\nOn Mon, Nov 23, 2026 at 9:00, Stop Shop wrote:\n> Sale today\n>\n>> Reply STOP to opt out")]
    [InlineData("Thanks\n-----Original Message-----\nSale today. Reply STOP to opt out")]
    public void What_is_quoted_says_nothing(string text) => Assert.Equal(new Reply(ReplyKind.Other, null, ReplySource.None), Classify(text));

    [Theory]
    [InlineData("Stop “Sale today…”", ReplyKind.OptOut)]
    [InlineData("Stop “Sale today…", ReplyKind.OptOut)]
    [InlineData("STOP “Sale today. Reply STOP to opt out”", ReplyKind.OptOut)]
    [InlineData("“Sale today. Reply STOP to opt out” stop please", ReplyKind.OptOut)]
    [InlineData("Liked “Sale today. Reply STOP to opt out” but please stop texting me", ReplyKind.OptOut)]
    [InlineData("Liked “Sale today” STOP", ReplyKind.OptOut)]
    [InlineData("Liked “Sale” but I say “STOP”", ReplyKind.Review)]
    [InlineData("👎 to “Sale today. Reply STOP to opt out” Stop!", ReplyKind.OptOut)]
    [InlineData("A aimé « Promo. STOP » arrêtez vos messages", ReplyKind.OptOut)]
    [InlineData("Le gustó “Oferta” no me escriban más", ReplyKind.OptOut)]
    [InlineData("stop Liked “Sale today. Reply STOP to opt out”", ReplyKind.Review)]
    [InlineData("🛑 stop to “Sale”", ReplyKind.Review)]
    [InlineData("> Sale today. Reply STOP to opt out\nSTOP", ReplyKind.OptOut)]
    [InlineData("please stop texting me\n> Sale today", ReplyKind.OptOut)]
    [InlineData("Stop. “we buy houses” I dont want your texts anymore", ReplyKind.OptOut)]
    [InlineData("Re: “Sale today. Reply STOP to opt out” how do I cancel?", ReplyKind.Review)]
    // Marks around one's own words.
    [InlineData("\"STOP\"", ReplyKind.OptOut)]
    [InlineData("“stop”", ReplyKind.OptOut)]
    [InlineData("« ARRÊT »", ReplyKind.OptOut)]
    [InlineData("„stop“", ReplyKind.OptOut)]
    [InlineData("\"STOP\" 🛑", ReplyKind.OptOut)]
    [InlineData("🛑 \"STOP\"", ReplyKind.OptOut)]
    [InlineData("please \"STOP\"", ReplyKind.OptOut)]
    [InlineData("\"STOP STOP STOP STOP\" please", ReplyKind.OptOut)]
    [InlineData("\"please stop texting me\"", ReplyKind.OptOut)]
    [InlineData("\"please stop texting me now\" is what I wrote", ReplyKind.OptOut)]
    [InlineData("I said \"stop\"", ReplyKind.Review)]
    [InlineData("I said “STOP…”", ReplyKind.Review)]
    [InlineData("I texted you \"STOP\" three times", ReplyKind.Review)]
    [InlineData("Please “stop” these messages", ReplyKind.OptOut)]
    [InlineData("Ya no me gusta, \"STOP\"", ReplyKind.Review)]
    [InlineData("> STOP", ReplyKind.OptOut)]
    [InlineData(">:( stop texting me", ReplyKind.OptOut)]
    [InlineData("\"HELP\"", ReplyKind.Help)]
    [InlineData("\"START\"", ReplyKind.OptIn)]
    public void A_persons_own_words_count_beside_a_quotation(string text, ReplyKind kind) => Assert.Equal(kind, Classify(text).Kind);

    [Fact]
    public void No_word_of_a_reaction_asks_for_something()
    {
        foreach (var word in EmbeddedTable.Read("reply-reactions.tsv", columns: 3).SelectMany(row => row[2].Split(' ')))
            Assert.True(Classify(word).Kind == ReplyKind.Other, word);
    }

    private static Reply Classify(string text) => ReplyClassifier.Classify(text, providersVerdict: null);
}
