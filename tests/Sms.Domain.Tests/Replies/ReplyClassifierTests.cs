using System.Text;
using CsCheck;
using Sms.Domain.Replies;
using Xunit;

namespace Sms.Domain.Tests.Replies;

public sealed class ReplyClassifierTests
{
    private static readonly string[] OptOuts =
    [
        "STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", "OPT OUT", "OPT-OUT", "REMOVE", "TD",
        "ALTO", "PARE", "PARAR", "BASTA", "CANCELAR", "BAJA", "DETENER", "SALIR", "NO MAS", "ARRET",
    ];

    private static readonly string[] Helps = ["HELP", "INFO", "AYUDA", "AIDE"];
    private static readonly string[] OptIns = ["START", "UNSTOP", "INICIAR", "YES", "SI"];

    private static readonly (string Word, ReplyKind Kind)[] Keywords =
    [
        .. OptOuts.Select(w => (w, ReplyKind.OptOut)), .. Helps.Select(w => (w, ReplyKind.Help)), .. OptIns.Select(w => (w, ReplyKind.OptIn)),
    ];

    public static TheoryData<string, ReplyKind> AllKeywords =>
        new(Keywords.Select(k => new TheoryDataRow<string, ReplyKind>(k.Word, k.Kind)));

    [Theory]
    [MemberData(nameof(AllKeywords))]
    public void A_keyword_alone_is_understood_as_it_stands_on_the_list(string word, ReplyKind kind) =>
        Assert.Equal((kind, ReplySource.Keyword), (Classify(word).Kind, Classify(word).Source));

    [Theory]
    [InlineData("STOP", "no way", ReplyKind.OptOut)]
    [InlineData("start", "stop", ReplyKind.OptIn)]
    [InlineData("HELP", "STOP", ReplyKind.Help)]
    [InlineData("", "stop", ReplyKind.OptOut)]
    [InlineData("WHAT", "stop", ReplyKind.OptOut)]
    [InlineData("WHAT", "hello", ReplyKind.Other)]
    public void The_providers_verdict_goes_before_the_text(string verdict, string text, ReplyKind kind) =>
        Assert.Equal(kind, ReplyClassifier.Classify(text, verdict).Kind);

    [Theory]
    // Polite, repeated, decorated.
    [InlineData("Stop. Thank you")]
    [InlineData("please stop")]
    [InlineData("Pls STOP now!!")]
    [InlineData("stop it")]
    [InlineData("Stop it now, sir.")]
    [InlineData("STOP STOP STOP")]
    [InlineData("Stop! End. Quit.")]
    [InlineData("“stop”")]
    [InlineData("'STOP'")]
    [InlineData("*STOP*")]
    [InlineData("(stop)")]
    [InlineData("S.T.O.P.")]
    [InlineData("s t o p")]
    [InlineData("STOP 🛑")]
    [InlineData("🙏🏽 stop 🙏🏽")]
    [InlineData("ＳＴＯＰ")]
    [InlineData("𝐒𝐓𝐎𝐏")]
    [InlineData("S\u200BT\u200DO\uFEFFP")]
    [InlineData("st\u00ADop")]
    [InlineData("STÖP")]
    [InlineData("quıt")]
    [InlineData("\u00A0stop\r\n")]
    [InlineData("Opt-Out, please")]
    [InlineData("opt‑out")]
    [InlineData("Cancel, thanks")]
    // Phrases.
    [InlineData("stop texting me")]
    [InlineData("Will you PLEASE stop messaging this number")]
    [InlineData("stop sending me this garbage")]
    [InlineData("Stop contacting me.")]
    [InlineData("do not text me again")]
    [InlineData("Don't text")]
    [InlineData("don’t contact me anymore")]
    [InlineData("Do not message this number")]
    [InlineData("please remove me from your list")]
    [InlineData("take me off this list")]
    [InlineData("Unsubscribe me")]
    [InlineData("please opt me out")]
    [InlineData("no more texts")]
    [InlineData("No more of these messages!")]
    [InlineData("Leave me alone")]
    [InlineData("lose my number")]
    [InlineData("I do not want to receive any more messages")]
    [InlineData("I no longer wish to receive these")]
    [InlineData("stop all these texts")]
    [InlineData("I want to unsubscribe")]
    [InlineData("yes, stop")]
    [InlineData("cancel my subscription")]
    [InlineData("I revoke my consent")]
    // Spanish.
    [InlineData("¡ALTO!")]
    [InlineData("Baja, por favor")]
    [InlineData("no más")]
    [InlineData("No más, gracias")]
    [InlineData("no más mensajes por favor")]
    [InlineData("No me escriban más")]
    [InlineData("dejen de enviarme mensajes")]
    [InlineData("quiero darme de baja")]
    [InlineData("bórrenme de su lista")]
    [InlineData("No quiero recibir más mensajes")]
    [InlineData("número equivocado")]
    // French.
    [InlineData("arrêt")]
    [InlineData("ARRÊT s'il vous plaît")]
    [InlineData("Arrêtez de m'envoyer des textos")]
    [InlineData("arrêtez vos messages")]
    [InlineData("Ne m’envoyez plus rien")]
    [InlineData("désabonnez-moi")]
    [InlineData("plus de messages")]
    [InlineData("laissez-moi tranquille")]
    public void Opts_out(string text) => Assert.Equal(ReplyKind.OptOut, Classify(text).Kind);

    [Theory]
    [InlineData("Wrong number")]
    [InlineData("sorry, you have the wrong number")]
    [InlineData("Número equivocado")]
    [InlineData("C'est un mauvais numéro")]
    public void A_wrong_number_opts_out_and_is_known_as_one(string text)
    {
        var reply = Classify(text);
        Assert.Equal((ReplyKind.OptOut, ReplySource.Phrase, true), (reply.Kind, reply.Source, reply.IsWrongNumber));
    }

    [Theory]
    [InlineData("bus stop")]
    [InlineData("Take the bus to the next stop")]
    [InlineData("Don't stop")]
    [InlineData("don’t stop texting me these deals")]
    [InlineData("please do not unsubscribe me")]
    [InlineData("Don't cancel!")]
    [InlineData("don't take me off the list")]
    [InlineData("I can't stop laughing")]
    [InlineData("See you this weekend")]
    [InlineData("at the week-end")]
    [InlineData("nonstop")]
    [InlineData("non-stop flights only")]
    [InlineData("Can you stop by tomorrow?")]
    [InlineData("can we stop at 5?")]
    [InlineData("I'll be there at the stop light")]
    [InlineData("ran a stop sign lol")]
    [InlineData("by the end of the month")]
    [InlineData("in the end it was fine")]
    [InlineData("I want to quit smoking")]
    [InlineData("cancel my appointment")]
    [InlineData("Please cancel my 3pm dental appointment")]
    [InlineData("Cancel the order please")]
    [InlineData("cancel that")]
    [InlineData("take me off the waitlist")]
    [InlineData("Quitman street")]
    [InlineData("start at 9")]
    [InlineData("Yes please")]
    [InlineData("yes, 5 works")]
    [InlineData("si, mañana")]
    [InlineData("can you help me find it")]
    [InlineData("more info on the red one?")]
    [InlineData("What is the price?")]
    [InlineData("unstoppable, endless, cancelled, quitter, removed, stopped")]
    [InlineData("https://acme.example/stop")]
    [InlineData("write to stop@acme.example")]
    [InlineData("I don't text while driving")]
    [InlineData("if you don't text back I'll worry")]
    [InlineData("I gave you the wrong number for the gate")]
    [InlineData("I'll stop texting you so late")]
    [InlineData("cancelar mi cita")]
    [InlineData("No cancelen la reserva")]
    [InlineData("Planta baja, por favor")]
    [InlineData("voy a salir")]
    [InlineData("es muy alto")]
    [InlineData("no más de 5")]
    [InlineData("l'arrêt de bus")]
    [InlineData("en arrêt maladie")]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("👍")]
    [InlineData("!!!")]
    public void Is_an_ordinary_reply(string text) => Assert.Equal(new Reply(ReplyKind.Other, null, ReplySource.None), Classify(text));

    [Theory]
    [InlineData("We have got to STOP this terrible bill", "STOP")]
    [InlineData("the end", "END")]
    [InlineData("How do I unsubscribe?", "UNSUBSCRIBE")]
    [InlineData("stop or start?", "STOP")]
    [InlineData("STOP HELP", "STOP")]
    [InlineData("I'd like to cancel", "CANCEL")]
    [InlineData("let's end this", "END")]
    [InlineData("¿Puedo cancelar mañana?", "CANCELAR")]
    // A phrase beside a look-alike.
    [InlineData("stop texting me at the weekend", "STOP TEXTING")]
    [InlineData("cancel my appointment and remove me from your list", "REMOVE ME")]
    [InlineData("I'm at the bus stop, don't text me", "DONT TEXT")]
    public void A_person_must_judge(string text, string words)
    {
        var reply = Classify(text);
        Assert.Equal((ReplyKind.Review, words), (reply.Kind, reply.Words));
    }

    [Theory]
    [InlineData("help please", "en")]
    [InlineData("Ayuda!", "es")]
    [InlineData("aide svp", "fr")]
    public void Help_is_answered_in_the_language_it_was_asked_in(string text, string language)
    {
        var reply = Classify(text);
        Assert.Equal((ReplyKind.Help, language), (reply.Kind, reply.Language));
    }

    [Fact]
    public void Decoration_changes_nothing() =>
        Gen.Select(
            OneOf(Keywords), OneOf("", " ", "!", "…", "🛑", "👩‍👩‍👧", "\u200B", "\"", "« ", "¡", "--", "\n", "☝🏽", " 🙏 ", "*", "(", "❗️"),
            OneOf("", ".", " !!", "💥", "”", "\uFEFF", "\t", "…", "?!", " -", "❤️", "»"), Gen.Bool.Array[1, 16], Gen.Int[0, 3])
        .Sample((keyword, before, after, upper, seen) =>
        {
            var word = new StringBuilder();
            for (var n = 0; n < keyword.Word.Length; n++)
            {
                var c = keyword.Word[n];
                word.Append(upper[n % upper.Length] ? char.ToUpperInvariant(c) : char.ToLowerInvariant(c));
                // Never seen by a reader; never between two words.
                if (seen > 0 && n % seen == 0 && char.IsLetter(c))
                    word.Append(seen switch { 1 => "\u200C", 2 => "\u0301", _ => "\u00AD" });
            }

            Assert.Equal(keyword.Kind, Classify(before + word + after).Kind);
        });

    [Fact]
    public void A_keyword_within_a_longer_word_is_none() =>
        Gen.Select(OneOf(OptOuts.Where(w => w.All(char.IsLetter)).ToArray()), Gen.Bool, Gen.Char["bcdfghjklmnpqrtvwxyz0123456789"], Gen.Bool)
        .Sample((keyword, isHyphenated, letter, isBefore) =>
        {
            var joint = isHyphenated ? "-" : "";
            var word = isBefore ? $"{letter}{letter}{joint}{keyword}" : $"{keyword}{joint}{letter}{letter}";
            Assert.Equal(ReplyKind.Other, Classify($"see {word} there").Kind);
        });

    [Fact]
    public void Any_text_is_understood_somehow() =>
        Gen.String.Sample(text => Assert.True(Enum.IsDefined(Classify(text).Kind)));

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(n => values[n]);

    private static Reply Classify(string text) => ReplyClassifier.Classify(text, providersVerdict: null);
}
