package assistant

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/firstline/firstline/handoff/triage"
)

// remainder is what a message says besides the wish for a person: the words of the wish, and those around it that carry
// it ("could you please ..."), are blanked, so that offsets stay and the rest is judged by itself. It is "" when nothing
// of substance remains: who only asks for someone has not said what about.
func remainder(text string, wish triage.Cue) string {
	from, to := wish.Start, wish.End
	for {
		w, start := lastWord(text[:from])
		if !carriers[w] {
			break
		}
		from = start
	}
	for {
		w, end := firstWord(text[to:])
		if !courtesy[w] {
			break
		}
		to += end
	}
	rest := text[:from] + "." + strings.Repeat(" ", max(0, to-from-1)) + text[to:]
	for w := range words(rest) {
		if !carriers[w] {
			return rest
		}
	}
	return ""
}

func isWordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '\'' || r == '’'
}

// lastWord returns the last word of s in lower case and where it begins, or "" where a sentence ends before it.
func lastWord(s string) (string, int) {
	end := len(s)
	for end > 0 {
		r, n := utf8.DecodeLastRuneInString(s[:end])
		if isWordRune(r) {
			break
		}
		if strings.ContainsRune(".?!\n", r) {
			return "", 0
		}
		end -= n
	}
	start := end
	for start > 0 {
		r, n := utf8.DecodeLastRuneInString(s[:start])
		if !isWordRune(r) {
			break
		}
		start -= n
	}
	return plain(s[start:end]), start
}

// firstWord returns the first word of s in lower case and where it ends, or "" where a sentence ends before it.
func firstWord(s string) (string, int) {
	start := strings.IndexFunc(s, isWordRune)
	if start < 0 || strings.ContainsAny(s[:start], ".?!\n") {
		return "", 0
	}
	end := strings.IndexFunc(s[start:], func(r rune) bool { return !isWordRune(r) })
	if end < 0 {
		end = len(s) - start
	}
	return plain(s[start : start+end]), start + end
}

func plain(w string) string {
	return strings.ToLower(strings.NewReplacer("'", "", "’", "").Replace(w))
}

// carriers are the words of courtesy, wish and possibility that carry a request and say nothing of its matter.
var carriers = wordSet(`
	a an the to of for with at in on and or so but as it its it's this that these there here
	i im id i'd i'm ive i've me my we us you u your ya yourself m d s ve t ll re
	can could may might would will shall should must do does did dont don't cant can't cannot couldnt is are am be being been was were not no yes yeah
	want wanna need like love prefer rather get got have has had let lets give take look talk speak chat ask asking asked say said told tell know think hope try call find see help
	please pls plz plss thanks thank thx hi hello hey heyyy yo dear ok okay well just only now asap right today soon again still already really actually simply finally instead ever first else
	who which what how why if when where someone somebody anyone anybody one some any all more enough stop useless wait somehow possible way back fix live real chatbot bot bots robot machine computer ai nobody nowhere conversation question article
	ich mich mir du dich sie ihr euch wir uns es das der die den dem ein eine einen einem mein meine man
	kann kannst können könnte könnten könntest darf dürfte möchte will wollte muss soll sollte würde hätte gern gerne brauche hab habe haben ist sind bin war gesagt sagte
	nicht nur nun mal bitte danke hallo hi guten tag morgen abend jetzt sofort gleich doch einfach endlich lieber auch schon noch aber und oder mit zu an bei für von weiter jemand mensch menschen kein keine keinen bot roboter warum wieso wie was wer wo ja nein dass ob
	yo tú usted ustedes me te se le les lo la el los las un una mi mis su que qué si sí no y o pero con de en a al por para del
	puedo puede puedes pueden podría podríais podrías quiero quisiera necesito gustaría prefiero hola buenas buenos días tardes favor gracias ahora ya aquí ahí alguien hay es soy solo sólo ser hablar robot máquina cómo quién tengo
	jag du ni vi mig dig er det den ett en som att och eller men med till på om för av i
	kan får få vill skulle behöver måste ska har är var varför hur vem tack snälla hej nu här där bara gärna inte ingen någon ja nej bli istället prata bot robot
	je tu vous nous il elle le la les un une de du des à au avec et ou mais moi veux voudrais peux puis pouvez besoin bonjour merci svp stp plaît plait est pas ne s'il que qui quelqu'un parler maintenant`)

// courtesy follows a request and belongs to it.
var courtesy = wordSet(`please pls plz plss now asap thanks thx bitte jetzt sofort danke por favor ahora ya gracias tack nu snälla svp stp maintenant merci`)

func wordSet(s string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(s) {
		m[w] = true
	}
	return m
}
