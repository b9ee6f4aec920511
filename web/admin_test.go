package web

import (
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/firstline/firstline/assistant"
	"github.com/firstline/firstline/handoff"
	"github.com/firstline/firstline/kb/demo"
)

// stated are thresholds that a test states.
type stated struct{ Thresholds }

func (s stated) InForce(context.Context) (Thresholds, error) { return s.Thresholds, nil }

// withLearner gives the server a learner, as the program does.
func withLearner(t *testing.T) func(*Deps) {
	return func(d *Deps) {
		d.Learner = handoff.NewLearner(d.Desk, d.Log, func(*handoff.Lesson) {})
		d.Learner.Start()
		t.Cleanup(d.Learner.Stop)
	}
}

func adminSetup(t *testing.T, options ...func(*Deps)) (*bundle, []string) {
	t.Helper()
	b := setup(t, append([]func(*Deps){withLearner(t)}, options...)...)
	return b, []string{"Authorization", "Bearer " + b.person("root@larkpay.example", "admin", "token")}
}

const loanTopic = `{"name":{"en":"Loan","de":"Kredit","es":"Préstamo","sv":"Lån"},"priority":3,"team":"credit","ai":"info","sla":"30m","around_the_clock":false,` +
	`"group":"money","audience":"consumer","safe_text":{},"examples":{"en":["I would like to borrow a thousand pounds for a boat"]}}`

// with replaces a part of a JSON text.
func with(body, old, new string) string {
	if !strings.Contains(body, old) {
		panic(old)
	}
	return strings.Replace(body, old, new, 1)
}

func TestAdminRoles(t *testing.T) {
	b := setup(t)
	calls := [][3]string{{"GET", "/v1/admin/topics"}, {"GET", "/v1/admin/topics/app_trouble"}, {"PUT", "/v1/admin/topics/loan", loanTopic}, {"DELETE", "/v1/admin/topics/app_trouble"},
		{"POST", "/v1/admin/topics/app_trouble/examples", `{"language":"en","text":"it is a test of roles"}`}, {"DELETE", "/v1/admin/topics/app_trouble/examples", `{"language":"en","text":"x"}`},
		{"POST", "/v1/admin/topics/try", `{"text":"hi"}`}, {"PUT", "/v1/admin/shelves", `{"groups":{}}`}, {"GET", "/v1/admin/thresholds"}}
	before, err := b.desk.TopicSet(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{"", "agent", "supervisor", "editor", "admin without the header"} {
		headers, want := []string{"If-Match", "*", "If-None-Match", "*"}, http.StatusForbidden
		switch role {
		case "":
			want = http.StatusUnauthorized
			headers = append(headers, "X-Firstline", "1")
		case "admin without the header":
			headers = append(headers, "Cookie", sessionCookie+"="+b.person("chief@larkpay.example", "admin", "session"))
		default:
			headers = append(headers, "Authorization", "Bearer "+b.person(role+"@larkpay.example", role, "token"))
		}
		for _, c := range calls {
			if role == "admin without the header" && c[0] == "GET" {
				continue
			}
			if a := b.do(c[0], c[1], c[2], headers...); a.status != want || strings.Contains(a.body, "app_trouble") {
				t.Errorf("%q: %s %s -> %d\n%.300s", role, c[0], c[1], a.status, a.body)
			}
		}
	}
	after, err := b.desk.TopicSet(t.Context())
	if err != nil || handoff.Tag(before) != handoff.Tag(after) {
		t.Errorf("somebody without the right changed something: %v", err)
	}
}

func TestAdminTopics(t *testing.T) {
	b, admin := adminSetup(t)
	create := append([]string{"If-None-Match", "*"}, admin...)
	any := append([]string{"If-Match", "*"}, admin...)
	put := func(name, body, want string) scenario {
		return scenario{name: name, method: "PUT", path: "/v1/admin/topics/loan", body: body, headers: create, status: 422, want: []string{want}}
	}
	b.run([]scenario{
		put("no name in a language served", with(loanTopic, `"de":"Kredit",`, ""), `"field":"name.de"`),
		put("a priority that is none", with(loanTopic, `"priority":3`, `"priority":5`), `"field":"priority"`),
		put("no team", with(loanTopic, `"team":"credit"`, `"team":""`), `"field":"team"`),
		put("a team that is not there", with(loanTopic, `"team":"credit"`, `"team":"elves"`), `There is no team elves`),
		put("an unknown policy", with(loanTopic, `"ai":"info"`, `"ai":"maybe"`), `"field":"ai"`),
		put("no fixed text where it is all that is said", with(loanTopic, `"ai":"info"`, `"ai":"no"`), `"field":"safe_text.`),
		put("a duration in words", with(loanTopic, `"sla":"30m"`, `"sla":"soon"`), `"field":"sla"`),
		put("an unknown group", with(loanTopic, `"group":"money"`, `"group":"gold"`), `"field":"group"`),
		put("an unknown audience", with(loanTopic, `"audience":"consumer"`, `"audience":"cats"`), `"field":"audience"`),
		put("no examples", with(loanTopic, `{"en":["I would like to borrow a thousand pounds for a boat"]}`, `{}`), `"field":"examples"`),
		put("an empty example", with(loanTopic, `I would like to borrow a thousand pounds for a boat`, ` `), `"field":"examples.en[0]"`),
		put("a language that is not served", with(loanTopic, `"examples":{"en"`, `"examples":{"xx"`), `"field":"examples.xx"`),
		put("another topic's example", with(loanTopic, `I would like to borrow a thousand pounds for a boat`, `I DIDN'T buy this!`), `is also an example of unauthorised_transaction`),
		put("a field that is not there", with(loanTopic, `"priority"`, `"colour":1,"priority"`), `"unknown_field"`),
		put("a wrong type", with(loanTopic, `"ai":"info"`, `"ai":false`), `"wrong_type"`),
		put("too long an example", with(loanTopic, `I would like`, strings.Repeat("long ", 101)), `"too_long"`),
		{name: "a key that is none", method: "PUT", path: "/v1/admin/topics/none", body: loanTopic, headers: create, status: 422, want: []string{"reserved"}},
		{name: "a key of no shape", method: "PUT", path: "/v1/admin/topics/Loan!", body: loanTopic, headers: create, status: 422, want: []string{`"field":"key"`}},
		{name: "no condition", method: "PUT", path: "/v1/admin/topics/loan", body: loanTopic, headers: admin, status: 422, want: []string{`"field":"If-Match"`}},
		{name: "a condition of no shape", method: "PUT", path: "/v1/admin/topics/loan", body: loanTopic, headers: append([]string{"If-Match", "abc"}, admin...), status: 422, want: []string{"not_a_tag"}},
		{name: "delete without a condition", method: "DELETE", path: "/v1/admin/topics/app_trouble", headers: admin, status: 422, want: []string{`"field":"If-Match"`}},
		{name: "replace what is not there", method: "PUT", path: "/v1/admin/topics/loan", body: loanTopic, headers: any, status: 404},
		{name: "read what is not there", path: "/v1/admin/topics/loan", headers: admin, status: 404},
		{name: "create", method: "PUT", path: "/v1/admin/topics/loan", body: loanTopic, headers: create, status: 200, want: []string{`"key":"loan"`, `"sla":"30m0s"`, `"classifier":"`}},
		{name: "create it again, the same", method: "PUT", path: "/v1/admin/topics/loan", body: loanTopic, headers: create, status: 200},
		{name: "create it again, otherwise", method: "PUT", path: "/v1/admin/topics/loan", body: with(loanTopic, `"priority":3`, `"priority":2`), headers: create, status: 409, want: []string{"topic_exists"}},
		{name: "a card number is masked", method: "POST", path: "/v1/admin/topics/loan/examples", body: `{"language":"en","text":"lend me money on 4111 1111 1111 1111"}`, headers: admin, status: 200, never: []string{"1111 1111"}},
		{name: "an example in no language", method: "POST", path: "/v1/admin/topics/loan/examples", body: `{"language":"xx","text":"lend me"}`, headers: admin, status: 422, want: []string{`"field":"language"`}},
		{name: "an example without words", method: "POST", path: "/v1/admin/topics/loan/examples", body: `{"language":"en","text":"?!"}`, headers: admin, status: 422, want: []string{`"field":"text"`}},
		{name: "an ambiguous example", method: "POST", path: "/v1/admin/topics/loan/examples", body: `{"language":"en","text":"i didn't buy this."}`, headers: admin, status: 422, want: []string{"ambiguous", "is also an example of unauthorised_transaction"}},
		{name: "an example of no topic", method: "POST", path: "/v1/admin/topics/none/examples", body: `{"language":"en","text":"what is a boat"}`, headers: admin, status: 200, want: []string{`"what is a boat"`}},
		{name: "and away with it", method: "DELETE", path: "/v1/admin/topics/none/examples", body: `{"language":"en","text":"what is a boat"}`, headers: admin, status: 200, never: []string{`"what is a boat"`}},
		{name: "remove what is not there", method: "DELETE", path: "/v1/admin/topics/loan/examples", body: `{"language":"en","text":"nothing"}`, headers: admin, status: 404},
		{name: "groups", method: "PUT", path: "/v1/admin/shelves", body: `{"groups":{"paying":"money"}}`, headers: any, status: 200, want: []string{`"paying":"money"`}},
		{name: "an unknown group of a collection", method: "PUT", path: "/v1/admin/shelves", body: `{"groups":{"paying":"gold"}}`, headers: any, status: 422, want: []string{`"field":"groups.paying"`}},
		{name: "all of it", path: "/v1/admin/topics", headers: admin, status: 200, want: []string{`"key":"loan"`, `"shelves":{"etag"`, `"none":{"key":"none"`, `"took_ms":`, `"languages":["en","de","es","sv"]`}},
		{name: "delete", method: "DELETE", path: "/v1/admin/topics/loan", headers: any, status: 204},
		{name: "delete it again", method: "DELETE", path: "/v1/admin/topics/loan", headers: any, status: 404},
	})
	var entries int
	if err := b.pool.QueryRow(t.Context(), `SELECT count(*) FROM audit u JOIN agents a ON a.id::text = u.actor WHERE a.email = 'root@larkpay.example'
		AND (u.subject, u.action) IN (('loan', 'topic.created'), ('loan', 'topic.example_added'), ('none', 'topic.example_added'), ('none', 'topic.example_removed'), ('shelves', 'shelves.replaced'), ('loan', 'topic.deleted'))`).Scan(&entries); err != nil || entries != 6 {
		t.Errorf("%d entries of the audit, %v", entries, err)
	}
}

// Two admins open the same topic; the second to save is told, and nothing of the first is lost.
func TestTwoAdmins(t *testing.T) {
	b, admin := adminSetup(t)
	path := "/v1/admin/topics/app_trouble"
	seen := b.do("GET", path, "", admin...)
	tag := append([]string{"If-Match", seen.header.Get("ETag")}, admin...)
	var got struct {
		Topic map[string]any `json:"topic"`
	}
	if err := json.Unmarshal([]byte(seen.body), &got); err != nil {
		t.Fatal(err)
	}
	delete(got.Topic, "etag")
	delete(got.Topic, "key")
	body := func(priority int) string {
		got.Topic["priority"] = priority
		return string(mustJSON(got.Topic))
	}
	first := b.do("PUT", path, body(2), tag...)
	if first.status != 200 || first.header.Get("ETag") == seen.header.Get("ETag") {
		t.Fatalf("the first: %d\n%.300s", first.status, first.body)
	}
	b.run([]scenario{
		{name: "the second is told", method: "PUT", path: path, body: body(1), headers: tag, status: 409, want: []string{"changed_meanwhile"}},
		{name: "the first once more, after a lost answer", method: "PUT", path: path, body: body(2), headers: tag, status: 200},
		{name: "an example with the old tag", method: "POST", path: path + "/examples", body: `{"language":"en","text":"the app is purple"}`, headers: tag, status: 409},
		{name: "deleting with the old tag", method: "DELETE", path: path, headers: tag, status: 409},
		{name: "what the first saved is there", path: path, headers: admin, status: 200, want: []string{`"priority":2`}},
	})
}

const droneText = "the quadcopter fell onto my barbecue while delivering"

func TestTryTopics(t *testing.T) {
	b, admin := adminSetup(t)
	before := b.do("GET", "/v1/admin/topics", "", admin...).body
	id, token := b.conversation("gb", "en")
	if a := b.do("POST", "/v1/conversations/"+id+"/messages", `{"client_id":"a","text":"`+droneText+`"}`, "Authorization", "Bearer "+token); a.status != 202 {
		t.Fatal(a.status, a.body)
	}
	a := b.do("POST", "/v1/admin/topics/try", `{"text":"`+droneText+`","locale":"en","with":{"topic":"app_trouble","language":"en","text":"`+droneText+`"}}`, admin...)
	var got trial
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 {
		t.Fatal(a.status, a.body)
	}
	if got.Then == nil || got.Now.Topic == "app_trouble" || got.Then.Topic != "app_trouble" || got.Now.Classifier == got.Then.Classifier {
		t.Errorf("the example has no effect: %s", a.body)
	}
	if got.Examined != 1 || got.Changed != 1 || len(got.Changes) != 1 || got.Changes[0].After != "app_trouble" || got.Changes[0].Text != droneText {
		t.Errorf("what else changes: %+v", got.Changes)
	}
	if after := b.do("GET", "/v1/admin/topics", "", admin...).body; stripTraining(after) != stripTraining(before) {
		t.Error("a trial changed something")
	}
	if again := b.do("POST", "/v1/admin/topics/try", `{"text":"`+droneText+`"}`, admin...); !strings.Contains(again.body, got.Now.Classifier) {
		t.Error("the classifier of a trial is in force")
	}
	b.run([]scenario{
		{name: "rules", method: "POST", path: "/v1/admin/topics/try", body: `{"text":"I want to talk to a human"}`, headers: admin, status: 200, want: []string{`"hand_off":true`, `"reason":"customer_request"`, `"then":null`}},
		{name: "a fixed text", method: "POST", path: "/v1/admin/topics/try", body: `{"text":"I didn't buy this, someone used my account"}`, headers: admin, status: 200, want: []string{`"topic":"unauthorised_transaction"`, `"reason":"priority_topic"`, "fraud team"}},
		{name: "an ambiguous example", method: "POST", path: "/v1/admin/topics/try", body: `{"text":"x","with":{"topic":"app_trouble","language":"en","text":"I didn't buy this"}}`, headers: admin, status: 422, want: []string{"ambiguous"}},
		{name: "no such topic", method: "POST", path: "/v1/admin/topics/try", body: `{"text":"x","with":{"topic":"elves","language":"en","text":"y"}}`, headers: admin, status: 422, want: []string{`"field":"with.topic"`}},
		{name: "no such language", method: "POST", path: "/v1/admin/topics/try", body: `{"text":"x","with":{"topic":"app_trouble","language":"xx","text":"y"}}`, headers: admin, status: 422, want: []string{`"field":"with.language"`}},
		{name: "no text", method: "POST", path: "/v1/admin/topics/try", body: `{"text":" "}`, headers: admin, status: 422, want: []string{`"field":"text"`}},
		{name: "no such locale", method: "POST", path: "/v1/admin/topics/try", body: `{"text":"x","locale":"xx"}`, headers: admin, status: 422, want: []string{`"field":"locale"`}},
	})
}

// stripTraining leaves out when the classifier was trained.
func stripTraining(body string) string {
	var v map[string]any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		return err.Error()
	}
	delete(v, "training")
	return string(mustJSON(v))
}

// A saved example is in force when the answer arrives, and soon on the other replica.
func TestTopicsOfTwoReplicas(t *testing.T) {
	b, admin := adminSetup(t)
	other := handoff.NewLearner(b.desk, b.server.Log, func(*handoff.Lesson) {})
	if _, err := other.Learn(t.Context()); err != nil {
		t.Fatal(err)
	}
	was := other.Lesson().Hash()
	other.Start()
	t.Cleanup(other.Stop)
	began := time.Now()
	a := b.do("POST", "/v1/admin/topics/app_trouble/examples", `{"language":"en","text":"`+droneText+`"}`, admin...)
	here := time.Since(began)
	if a.status != 200 || !strings.Contains(a.body, b.server.Learner.Lesson().Hash()) || b.server.Learner.Lesson().Hash() == was {
		t.Fatalf("%d, in force %s, before %s\n%.200s", a.status, b.server.Learner.Lesson().Hash(), was, a.body)
	}
	for range 2000 {
		if other.Lesson().Hash() != was {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Logf("here after %v, on the other replica after %v", here, time.Since(began))
	if other.Lesson().Hash() != b.server.Learner.Lesson().Hash() {
		t.Errorf("the other replica has %s", other.Lesson().Hash())
	}
}

func demoCertificate(t *testing.T) *assistant.Certificate {
	t.Helper()
	data, err := fs.ReadFile(demo.FS, "certificate.json")
	if err != nil {
		t.Fatal(err)
	}
	c, err := assistant.ReadCertificate(data)
	if err != nil || c == nil {
		c = &assistant.Certificate{Made: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Groups: map[string]assistant.Bound{}}
	}
	c.Groups = map[string]assistant.Bound{
		"money": {Threshold: 0.8, Budget: 0.01, Cases: 100, Answered: 40, Upper: 0.07, Why: "not certified: too few"}, "normal": {Threshold: 0.7, Certified: true, Budget: 0.02, Cases: 300, Answered: 200, Wrong: 0, Upper: 0.0149, Why: "certified"},
		"howto": {Threshold: 0.5, Certified: true, Budget: 0.05, Cases: 200, Answered: 150, Wrong: 2, Upper: 0.04, Why: "certified"}, "all": {Threshold: 0.6, Certified: true, Budget: 0.02}}
	return c
}

func TestThresholds(t *testing.T) {
	c := demoCertificate(t)
	bars := map[string]float64{"money": 0.9, "normal": 0.7, "howto": 0.5}
	for _, tt := range []struct {
		name        string
		in          Thresholds
		want, never []string
	}{
		{"a certificate that holds, and an admin's own", Thresholds{Bars: bars, Own: map[string]float64{"money": 0.9}, Certified: map[string]bool{"normal": true, "howto": true}, Certificate: c},
			[]string{`"group":"money","threshold":0.9,"source":"admin","certified":false`, `"group":"normal","threshold":0.7,"source":"certificate","certified":true`, `"holds":true`, `"name":"` + c.Name()}, nil},
		{"a void one", Thresholds{Bars: bars, Certificate: c, Void: `the model changed from "" to "m"`}, []string{`"holds":false`, `the model changed`, `"group":"normal","threshold":0.7,"source":"prior","certified":false`}, []string{`"source":"certificate"`}},
		{"none", Thresholds{Bars: bars}, []string{`"certificate":null`, `"source":"prior"`, `"measured":null`, `"pooled":null`}, nil},
	} {
		b, admin := adminSetup(t, func(d *Deps) { d.InForce = stated{tt.in} })
		b.run([]scenario{{name: tt.name, path: "/v1/admin/thresholds", headers: admin, status: 200, want: tt.want, never: tt.never}})
	}
	b, admin := adminSetup(t)
	b.run([]scenario{{name: "nobody knows", path: "/v1/admin/thresholds", headers: admin, status: 503, want: []string{"thresholds_unknown"}}})
}

func TestAdminPages(t *testing.T) {
	b, _ := adminSetup(t, func(d *Deps) {
		d.InForce = stated{Thresholds{Bars: map[string]float64{"money": 0.8, "normal": 0.7, "howto": 0.5}, Certified: map[string]bool{"normal": true}, Certificate: demoCertificate(t)}}
	})
	cookie := []string{"Cookie", sessionCookie + "=" + b.person("root@larkpay.example", "admin", "session")}
	form := append([]string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"}, cookie...)
	foreignForm := append([]string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site"}, cookie...)
	enc := func(pairs ...string) string {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v.Encode()
	}
	const evil = `<script>alert("x")</script> the app`
	path := "/admin/topics/app_trouble"
	b.run([]scenario{
		{name: "nobody", path: "/admin", status: 401, want: []string{"Please sign in", newLink, `value="/admin"`}, never: []string{"app_trouble"}},
		{name: "nobody's form", method: "POST", path: path, body: enc("action", "add", "language", "en", "example", "x"), headers: form[:4], status: 401},
		{name: "topics", path: "/admin", headers: cookie, status: 200, want: []string{"app_trouble", "unauthorised_transaction", "Fixed text, then a person", "Try a message"}, never: []string{"<script"}, wantHeader: map[string]string{"Cache-Control": "no-store"}},
		{name: "a topic", path: path, headers: cookie, status: 200, want: []string{"Examples", "Deutsch", `value="remove"`}},
		{name: "no such topic", path: "/admin/topics/elves", headers: cookie, status: 404},
		{name: "none", path: "/admin/topics/none", headers: cookie, status: 200, want: []string{"belong to no topic"}},
		{name: "another site's form", method: "POST", path: path, body: enc("action", "add", "language", "en", "example", "from afar"), headers: foreignForm, status: 403},
		{name: "JSON", method: "POST", path: path, body: `{"action":"add"}`, headers: append([]string{"Sec-Fetch-Site", "same-origin"}, cookie...), status: 422, want: []string{"This is not our form"}},
		{name: "an unknown action", method: "POST", path: path, body: enc("action", "burn"), headers: form, status: 422},
		{name: "add", method: "POST", path: path, body: enc("action", "add", "language", "en", "example", evil), headers: form, status: 303, wantHeader: map[string]string{"Location": path + "?done=added"}},
		{name: "what was added is text", path: path + "?done=added", headers: cookie, status: 200, want: []string{"&lt;script&gt;", "The example was added", "root@larkpay.example", "example added by"}, never: []string{"<script>", "from afar"}},
		{name: "a line of one's own", path: path + "?done=" + url.QueryEscape("<b>hi</b>"), headers: cookie, status: 200, never: []string{"<b>hi"}},
		{name: "an ambiguous one", method: "POST", path: path, body: enc("action", "add", "language", "en", "example", "I didn't buy this"), headers: form, status: 422, want: []string{`role="alert"`, "is also an example of unauthorised_transaction", "I didn&#39;t buy this</textarea>"}},
		{name: "remove", method: "POST", path: path, body: enc("action", "remove", "language", "en", "example", evil), headers: form, status: 303},
		{name: "remove it again", method: "POST", path: path, body: enc("action", "remove", "language", "en", "example", evil), headers: form, status: 404, want: []string{"no such example"}},
		{name: "try", method: "POST", path: "/admin", body: enc("action", "try", "text", evil+" I want to talk to a human", "locale", "en"), headers: form, status: 200, want: []string{"What happens", "Brings in a person", "&lt;script&gt;"}, never: []string{"<script>"}},
		{name: "try with an example", method: "POST", path: path, body: enc("action", "try", "text", droneText, "locale", "en", "language", "en", "example", droneText), headers: form, status: 200, want: []string{"With the example added", "What else changes", "Nothing was saved"}},
		{name: "thresholds", path: "/admin/thresholds", headers: cookie, status: 200, want: []string{"holds for what runs here", "not certified: too few", "Certified: of 300 labelled questions 200 are answered"}},
	})
	for _, role := range []string{"agent", "supervisor", "editor"} {
		h := []string{"Cookie", sessionCookie + "=" + b.person(role+"@larkpay.example", role, "session")}
		for _, p := range []string{"/admin", path, "/admin/thresholds"} {
			if a := b.do("GET", p, "", h...); a.status != 403 || strings.Contains(a.body, "app_trouble") {
				t.Errorf("%s sees %s: %d", role, p, a.status)
			}
		}
		h = append(h, "Content-Type", "application/x-www-form-urlencoded")
		if a := b.do("POST", path, enc("action", "add", "language", "en", "example", "by "+role), h...); a.status != 403 {
			t.Errorf("%s adds: %d", role, a.status)
		}
	}
}
