package assistant

import (
	"slices"
	"strings"
	"unicode"

	"github.com/firstline/firstline/handoff/triage"
	"github.com/firstline/firstline/internal/chat"
)

// understand reads the message without a model: language, cues, topics, whether it leans on what was said before.
func (a *Assistant) understand(t *turn) *Decision {
	text := t.Text()
	d := understood(t.triage, text, t.Conversation.Locale)
	d.Off, d.GivenUp = a.cfg.Off, t.Attempt > maxAttempts
	for _, m := range t.Messages {
		d.Files += len(m.Files())
	}
	if a.model.HasChat() {
		d.Prompt = promptVersion
	}
	r := read(t.Claim, text, d.Language)
	d.Stuck = stuckSigns(t.Claim, d.Cues, &r)
	said := text
	if option := chosen(t.Claim, text); d.Stuck.JustAsked && option != "" {
		d.Chosen, said, d.Question = true, option, option
		if d.TopicInfo != nil && d.TopicInfo.AI != triage.AINo {
			d.TopicInfo = nil // the words are an article's title, not the customer's
		}
	}
	if said == text { // an option that was chosen by its place stands alone
		d.Question, d.Context = r.question, r.context
	}
	return d
}

// understood is what a message says by itself, whatever was said before: the inputs of the hard rules.
func understood(tr *Triage, text, locale string) *Decision {
	d := &Decision{Version: decisionVersion, Classifier: tr.hash(), Question: text, Sentiment: "calm", Words: len(words(text)), Asks: asks(text)}
	d.Language, d.Certainty = triage.Language(text, locale)
	if d.Certainty < 0.6 || !slices.Contains(spoken, d.Language) {
		d.Language = locale
	}
	d.Cues = triage.Detect(text)
	if topic, ok := tr.Topics[complaintTopic]; ok && d.Cues.Has(triage.Legal) {
		d.LegalText = localised(topic.SafeText, d.Language)
	}
	matter := text
	if wish, ok := d.Cues.Find(triage.WantsHuman); ok {
		matter = remainder(text, wish)
	}
	d.Topics = tr.segments(matter)
	d.TopicInfo = mostUrgent(d.Topics, tr, d.Language, len(matter) >= longMatter)
	if len(d.Topics) > 3 {
		d.Topics = d.Topics[:3]
	}
	switch {
	case d.Cues.Has(triage.SelfHarm) || d.Cues.Has(triage.Vulnerable):
		d.Sentiment = "distressed"
	case d.Cues.Has(triage.Abuse):
		d.Sentiment = "abusive"
	case d.Cues.Has(triage.Frustration):
		d.Sentiment = "frustrated"
	}
	return d
}

// chosen returns the option of the clarifying question before the message that it names, by its words or its place in
// the list, or "".
func chosen(c *chat.Claim, message string) string {
	for _, m := range slices.Backward(c.History) {
		if m.Author == chat.Assistant {
			return pick(offered(&m), message)
		}
	}
	return ""
}

// offered returns the options that a message of the assistant lists; an answer's list is none of them.
func offered(m *chat.Message) []string {
	var options []string
	if len(m.Citations) > 0 {
		return nil
	}
	for line := range strings.Lines(m.Text) {
		if o, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), optionMark); ok {
			options = append(options, o)
		}
	}
	return options
}

// pick returns the option that a message names, or "".
func pick(options []string, message string) string {
	message = strings.TrimSpace(message)
	if slices.Contains(options, message) {
		return message
	}
	if n := place(message); n > 0 && n <= len(options) {
		return options[n-1]
	}
	return ""
}

// AskBack is the clarifying question that offers the options; chosen reads them back from it.
func AskBack(language string, options []string) string {
	var sb strings.Builder
	sb.WriteString(text(language, "clarify"))
	for _, o := range options {
		sb.WriteString("\n" + optionMark + o)
	}
	return sb.String()
}

// place returns which of a list a message names that says nothing else ("2", "the second one, please"), or 0.
func place(message string) int {
	n, one := 0, false
	for _, w := range strings.FieldsFunc(strings.ToLower(message), func(r rune) bool { return !isWordRune(r) }) {
		switch p := places[w]; {
		case p > 0 && n > 0 && p != n:
			return 0
		case p > 0:
			n = p
		case w == "one" || w == "ett" || w == "en" || w == "una" || w == "une" || w == "un":
			one = true
		case !aroundPlaces[w]:
			return 0
		}
	}
	if n == 0 && one {
		return 1
	}
	return n
}

// places are the numbers of a short list in the languages served.
var places = func() map[string]int {
	m := map[string]int{}
	for i, list := range []string{
		"1 1st first eins erste ersten erster erstes uno primero primera primer första premier première ١ واحد الأول الأولى الاول الاولى",
		"2 2nd second two zwei zweite zweiten zweiter zweites dos segundo segunda två andra deux deuxième second seconde ٢ اثنان اثنين الثاني الثانية",
		"3 3rd third three drei dritte dritten dritter drittes tres tercero tercera tercer tre tredje trois troisième ٣ ثلاثة الثالث الثالثة",
	} {
		for w := range wordSet(list) {
			m[w] = i + 1
		}
	}
	return m
}()

// aroundPlaces may stand around them.
var aroundPlaces = wordSet(`the that it's its i mean number no nr option answer please thanks pls is ok yes ok
	das die der den dem ist nummer bitte danke ich meine ja el la lo los es opción número por favor gracias sí
	det den alternativ alternativet nummer är tack ja jag menar le l'option numéro s'il vous plaît oui رقم الخيار من فضلك شكرا نعم أقصد`)

// questionWords begin a question, in the languages served.
var questionWords = wordSet(`where when how why what which who wo wann wie warum wieso was welche welcher welches welchen wer dónde donde cuándo cuando cómo como qué cuál cuánto cuánta cuántos cuántas var när hur varför vad vilken vilket vilka vem où quand comment pourquoi quoi combien quel quelle quels quelles هل ماذا متى أين اين وين كيف لماذا ليش كم ازاي`)

// asks reports whether a message has the form of a question.
func asks(s string) bool {
	if strings.ContainsAny(s, "?¿？؟") {
		return true
	}
	for w := range words(s) {
		if questionWords[w] {
			return true
		}
	}
	return false
}

// longMatter is the length in bytes from which a message has many parts, one of which may sound like trouble by chance:
// there a topic must be likelier than not.
const longMatter = 350

// mostUrgent picks the topic that counts: of those that are credible, the most urgent; among equals the most probable.
func mostUrgent(scores []triage.Score, tr *Triage, language string, long bool) *TopicPolicy {
	var best *TopicPolicy
	for _, s := range scores {
		topic, ok := tr.Topics[s.Topic]
		if !ok {
			continue // "none"
		}
		if s.P < triage.Credible(topic.Priority) || long && s.P < 0.5 {
			continue
		}
		if best == nil || topic.Priority < best.Priority || topic.Priority == best.Priority && s.P > best.P {
			best = &TopicPolicy{Key: s.Topic, P: s.P, Priority: topic.Priority, AI: topic.AI, Group: topic.Group, SafeText: localised(topic.SafeText, language)}
		}
	}
	return best
}

func localised(texts map[string]string, language string) string {
	if s := texts[language]; s != "" {
		return s
	}
	return texts["en"]
}

// words returns the distinct lower-case words of a text.
func words(s string) map[string]bool {
	w := map[string]bool{}
	for _, f := range strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }) {
		w[f] = true
	}
	return w
}

// overlap is the Jaccard similarity of two word sets.
func overlap(a, b map[string]bool) float64 {
	n := 0
	for w := range a {
		if b[w] {
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return float64(n) / float64(len(a)+len(b)-n)
}

// yes lists plain agreements in the languages served.
var yes = map[string]bool{
	"yes": true, "yes please": true, "yeah": true, "yep": true, "sure": true, "ok": true, "okay": true, "please": true, "please do": true,
	"ja": true, "ja bitte": true, "gerne": true, "ja gerne": true, "bitte": true,
	"sí": true, "si": true, "sí por favor": true, "si por favor": true, "vale": true, "claro": true, "por favor": true,
	"ja tack": true, "gärna": true, "ja gärna": true, "tack gärna": true,
	"oui": true, "oui merci": true, "oui s il vous plaît": true, "oui s il vous plait": true, "d accord": true, "volontiers": true,
	"نعم": true, "نعم من فضلك": true, "نعم لو سمحت": true, "نعم رجاء": true, "أجل": true, "اجل": true, "ايوه": true, "أيوه": true, "ايوا": true, "حسنا": true, "تمام": true, "طيب": true, "ماشي": true, "موافق": true,
}

func affirms(s string) bool {
	s = strings.Map(func(r rune) rune {
		if r >= 0x064b && r <= 0x065f { // vowel signs of Arabic, which few write
			return -1
		}
		return r
	}, strings.ToLower(s))
	return yes[strings.Join(strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) }), " ")]
}

// unfinished reports whether a message looks like the first of several: very few words and no end.
func unfinished(s string) bool {
	s = strings.TrimSpace(s)
	if s == "" || strings.ContainsAny(s[len(s)-1:], ".?!") || strings.HasSuffix(s, "？") || strings.HasSuffix(s, "。") || strings.HasSuffix(s, "؟") {
		return false
	}
	return len(words(s)) <= 3
}
