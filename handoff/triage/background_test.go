package triage

import (
	"os"
	"strings"
	"testing"
)

// Seen for the first time, 4 of these were taken for urgent (13 without the background, which is what the limit guards).
// Texts that are no desk's matter, or nothing to hurry for. None of them is among the examples of any kind.
var calm = []string{
	"who painted the ceiling of the chapel", "how far is the moon from the earth", "when did the volcano erupt for the last time", "what is the tallest building in Asia",
	"remind me to water the plants", "turn the volume down", "what time is it in Tokyo", "spell necessary", "do you like jazz", "how tall are you",
	"write a limerick about a goat", "continue the story of the lighthouse keeper", "list five uses of vinegar",
	"for i in range(10): print(i)", "why does my loop never end in this program", "git says that the branch has diverged",
	"My husband would like to shop with you too, how does he sign up?", "Could my grandmother have an account as well?", "I ordered two lamps and they look great",
	"I would like to buy a present for my son", "Where do I edit my personal details?", "I have been with you for 16 years", "we are moving to a new flat in May",
	"wer hat das Telefon erfunden", "wie hoch ist der höchste Berg Europas", "erinnere mich daran, die Blumen zu gießen", "Kann mein Mann auch mit meinem Konto einkaufen?",
	"ich bin seit 16 Jahren bei euch", "wie wird man eigentlich Lokführer",
	"quién inventó el teléfono", "recuérdame regar las plantas", "¿puede mi madre usar mi cuenta?", "hace 16 años que soy cliente", "cuál es la montaña más alta de Europa",
	"vem uppfann telefonen", "påminn mig om att vattna blommorna", "kan min mamma använda mitt konto?", "jag har handlat hos er i 16 år", "vilket är Europas högsta berg",
	"qui a inventé le téléphone", "rappelle-moi d'arroser les plantes", "mon mari peut-il utiliser mon compte ?",
	"The committee met on Monday to discuss the budget. Members praised the report of the treasurer. The mayor spoke of a new library near the old harbour. " +
		"Several residents asked about parking. A vote is expected in June, after the summer fair has been planned. The meeting ended with music by the school's band.",
	"You are a gardener in a kingdom of giants. Describe your morning. Mention the colour of the sky, the sound of the gate and the taste of the bread. " +
		"Then a messenger arrives with a letter from the queen. What does she want? Keep the tone light and end with a surprise.",
}

func TestCalmTextsRaiseNothing(t *testing.T) {
	c := demoClassifier(t)
	known := map[string]bool{}
	for _, s := range background {
		known[strings.ToLower(s)] = true
	}
	raised := 0
	for _, s := range calm {
		if known[strings.ToLower(s)] {
			t.Errorf("%q is an example", s)
		}
		if top := c.Segments(s)[0]; top.Topic != None && top.Priority <= 2 && top.P >= Credible(top.Priority) {
			raised++
			t.Logf("%q is taken for %s (%.2f, from %q)", s, top.Topic, top.P, s[top.Start:top.End])
		}
	}
	if raised > len(calm)/10 {
		t.Errorf("%d of %d calm texts are urgent", raised, len(calm))
	}
}

// TestBackgroundIsNoSuite: what the suite asks must not be learned from the background.
func TestBackgroundIsNoSuite(t *testing.T) {
	data, err := os.ReadFile(demoDir + "/suites/triage.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	suite := strings.ToLower(string(data))
	for _, s := range background {
		if strings.Contains(suite, `"`+strings.ToLower(s)+`"`) {
			t.Errorf("%q is in the suite", s)
		}
	}
	if len(background) < 100 {
		t.Errorf("the background has %d texts only", len(background))
	}
}
