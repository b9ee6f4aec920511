package triage

import "strings"

// hollow are words that say nothing about any matter: what one writes who waits ("and now?", "is somebody there?", "still
// waiting"). A text of nothing else has too few features for the linear model to say anything about, and it must not raise
// an alarm by a common word alone. No negation and no "me" or "mine" is among them: "that wasn't me" says all. Danger and
// wishes are found by the rules of Detect, which read hollow texts as any other. Words are written folded.
var hollow = func() map[string]bool {
	m := map[string]bool{}
	for _, language := range []string{
		`and or so but then now yet still again already just ok okay well um hm hmm eh oh ah hello hi hey what when why how who where which
		long much longer more is are am was be been being do does im ive i you u ya there here anyone anybody someone somebody any one it this
		that its thats whats wheres the a an of for since in to on with up at about please pls thanks thank waiting wait waited waits
		ages hour hours minute minutes min mins time news update updates happens happening going next soon today s re ve whos hows`,
		`und oder also aber dann denn nun jetzt noch immer schon mal wieder ok okay gut na hm hallo hi hey was wann warum wieso wie wer wo wohin
		lange lang ist sind bin war wird ich du sie ihr wir man da hier jemand irgendwer irgendjemand es das die der den ein eine eines so
		bitte danke warte warten wartet gewartet seit stunde stunden minute minuten ewig neues weiter passiert los geht heute bald zeit`,
		`y e o pues entonces pero ahora aun todavia ya otra vez ok vale bueno bien hola oye que cuando como quien donde
		cuanto cuanta tiempo mas es son soy estoy esta estan hay alguien ahi aqui alla yo tu usted ustedes el la lo los las un una eso esto
		por favor gracias espero esperando esperar sigo desde hace hora horas minuto minutos rato novedades pasa hoy luego`,
		`och eller halla sa men da nu an fortfarande redan igen ok okej jaha nja hm hej hallo vad nar varfor hur vem var vart lange mycket langre
		ar blir jag du ni vi man dar har nagon det den de en ett som tack snalla vantar vanta vantat sedan i timme timmar minut minuter
		evighet nytt nagot hander idag snart tid kvar vidare`,
		`et ou jattends alors mais donc puis maintenant encore toujours deja ok bon ben bah hm bonjour allo salut hello quoi quand comment qui que
		combien temps plus est sont suis c cest es etes y a il elle on je j tu vous nous la ici quelqu un quelquun une ce ca cela le les des
		du de s te sil plait svp merci attends attend attendre attente depuis heure heures minute minutes nouvelles passe se aujourdhui bientot apres`,
		`و ثم والان الان والآن الآن بعد طيب حسنا نعم مرحبا اهلا أهلا السلام عليكم ماذا متى كيف من أين اين وين كم هل ما هو هي هذا هذه ذلك انا أنا انت أنت
		هنا هناك احد أحد يوجد في منذ ساعة ساعات دقيقة دقائق انتظر أنتظر انتظار الانتظار جديد شكرا فضلك لو سمحت يحدث ايش شو ايه طول`,
	} {
		for _, t := range tokenize(language) {
			m[t.text] = true
		}
	}
	return m
}()

// isHollow reports whether nothing in a text says what it is about. Short numbers ("10 minutes") say nothing either.
func isHollow(toks []token) bool {
	for _, t := range toks {
		if !hollow[t.text] && !(len(t.text) <= 2 && strings.Trim(t.text, "0123456789") == "") {
			return false
		}
	}
	return true
}
