package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/firstline/firstline/internal/site"
)

// A conversation that a site's page begins carries the site and what the page says; other pages cannot use its key.
func TestSiteConversation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.aSite(site.Site{Key: "shop", Name: "The shop", Origins: []string{"https://shop.example"}, Locales: []string{"de"}, Theme: site.Theme{Color: "#aa0000"}, Enabled: true})
	b.aSite(site.Site{Key: "other", Origins: []string{"https://other.example"}, Enabled: true})
	start := func(body string, headers ...string) answer {
		return b.do("POST", "/v1/conversations", body, headers...)
	}
	a := start(`{"market":"gb","locale":"en","site":"shop","context":{"plan":"gold","items":3,"card":"4111 1111 1111 1111"}}`, "Origin", "https://shop.example")
	if a.status != 201 || a.header.Get("Access-Control-Allow-Origin") != "https://shop.example" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	id, token := a.json(t)["id"].(string), a.json(t)["token"].(string)
	var kept, plan, card string
	if err := b.pool.QueryRow(t.Context(), `SELECT site, context->>'plan', context->>'card' FROM conversations WHERE id = $1`, id).Scan(&kept, &plan, &card); err != nil {
		t.Fatal(err)
	}
	if kept != "shop" || plan != "gold" || strings.Contains(card, "4111") {
		t.Errorf("kept %q, %q, %q", kept, plan, card)
	}
	if a := start(`{"market":"gb","locale":"en","site":"shop"}`, "Origin", "https://other.example"); a.status != 403 || !strings.Contains(a.body, "origin_not_allowed") {
		t.Errorf("another site's page uses the key: %d %s", a.status, a.body)
	}
	if a := start(`{"market":"gb","locale":"en","site":"none"}`); a.status != 422 || !strings.Contains(a.body, "unknown_site") {
		t.Errorf("unknown site: %d %s", a.status, a.body)
	}
	for name, body := range map[string]string{
		"too many": `{"context":{` + `"first":1` + siteKeys(20) + `}}`,
		"nested":   `{"context":{"a":{"b":1}}}`, "list": `{"context":{"a":[1]}}`, "key": `{"context":{"a b":1}}`,
		"long": `{"context":{"a":"` + strings.Repeat("x", 201) + `"}}`, "lines": `{"context":{"a":"x\ny"}}`,
	} {
		if a := b.do("PUT", "/v1/conversations/"+id+"/context", body, "Authorization", "Bearer "+token); a.status != 422 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := b.do("PUT", "/v1/conversations/"+id+"/context", `{"context":{"page":"checkout"}}`, "Authorization", "Bearer "+token); a.status != http.StatusNoContent {
		t.Errorf("%d %s", a.status, a.body)
	}
	p, err := b.record.PageOf(t.Context(), uuid.MustParse(id))
	if err != nil || p.Site != "The shop" || p.Context["page"] != "checkout" || p.Context["plan"] != nil {
		t.Errorf("%+v, %v", p, err)
	}
	cfg := b.do("GET", "/v1/config?site=shop", "", "Origin", "https://shop.example")
	if cfg.status != 200 || !strings.Contains(cfg.body, `"color":"#aa0000"`) || strings.Contains(cfg.body, `"sv"`) || strings.Contains(cfg.body, "shop.example") {
		t.Errorf("%d %s", cfg.status, cfg.body)
	}
	if plain := b.do("GET", "/v1/config", ""); strings.Contains(plain.body, `"site"`) || !strings.Contains(plain.body, `"sv"`) {
		t.Error(plain.body)
	}
}

func siteKeys(n int) string {
	var s strings.Builder
	for i := range n {
		s.WriteString(`,"k` + string(rune('a'+i)) + `":1`)
	}
	return s.String()
}

// Admins manage sites by API and page alike; a change is in force at once, and in the audit log.
func TestAdminSites(t *testing.T) {
	t.Parallel()
	b := setup(t)
	admin := b.person("boss@example.org", "admin", "session")
	agent := b.person("agent@example.org", "agent", "session")
	as := func(secret string) []string {
		return []string{"Cookie", sessionCookie + "=" + secret, "X-Firstline", "1"}
	}
	const body = `{"key":"shop","name":"The shop","origins":["HTTPS://Shop.Example:443/"],"theme":{"color":"#123456","offset_x":0}}`
	if a := b.do("POST", "/v1/admin/sites", body, as(agent)...); a.status != 403 {
		t.Errorf("an agent adds a site: %d", a.status)
	}
	a := b.do("POST", "/v1/admin/sites", body, as(admin)...)
	if a.status != 201 || !strings.Contains(a.body, `"https://shop.example"`) || !strings.Contains(a.body, `"offset_x":0`) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := b.do("POST", "/v1/admin/sites", body, as(admin)...); a.status != 409 {
		t.Errorf("twice: %d", a.status)
	}
	reads := func() string {
		return b.do("GET", "/v1/config?site=shop", "", "Origin", "https://shop.example").header.Get("Access-Control-Allow-Origin")
	}
	if reads() == "" {
		t.Error("a new site is not in force")
	}
	for field, bad := range map[string]string{
		"origins":      `{"name":"x","origins":["*"]}`,
		"origins ":     `{"name":"x","origins":["https://*.example"]}`,
		"origins  ":    `{"name":"x","origins":["https://a.example/path"]}`,
		"origins   ":   `{"name":"x","origins":["null"]}`,
		"origins    ":  `{"name":"x","origins":["http://a.example"]}`,
		"origins     ": `{"name":"x","origins":["https://u:p@a.example"]}`,
		"theme.color":  `{"name":"x","origins":[],"theme":{"color":"red;}"}}`,
		"theme.mode":   `{"name":"x","origins":[],"theme":{"mode":"blue"}}`,
		"locales":      `{"name":"x","origins":[],"locales":["xx"]}`,
		"name":         `{"name":"","origins":[]}`,
	} {
		if a := b.do("PUT", "/v1/admin/sites/shop", bad, as(admin)...); a.status != 422 || a.json(t)["field"] != strings.TrimSpace(field) {
			t.Errorf("%s: %d %s", bad, a.status, a.body)
		}
	}
	if a := b.do("PUT", "/v1/admin/sites/shop", `{"name":"x","origins":["https://shop.example"],"enabled":false}`, as(admin)...); a.status != 200 || reads() != "" {
		t.Errorf("switched off: %d, and still %q", a.status, reads())
	}
	form := func(secret, text string) answer {
		return b.do("POST", "/admin/sites", text, "Sec-Fetch-Site", "same-origin", "Content-Type", "application/x-www-form-urlencoded", "Cookie", sessionCookie+"="+secret)
	}
	if a := form(admin, "action=change&key=shop&name=Shop&origins=https%3A%2F%2Fshop.example&mode=dark&enabled=yes&offset_y=40"); a.status != 303 || reads() == "" {
		t.Errorf("by the page: %d %s", a.status, a.body)
	}
	page := b.do("GET", "/admin/sites", "", "Cookie", sessionCookie+"="+admin)
	if page.status != 200 || !strings.Contains(page.body, "data-site=&#34;shop&#34;") && !strings.Contains(page.body, `data-site="shop"`) || !strings.Contains(page.body, `value="40"`) {
		t.Errorf("the page: %d %s", page.status, page.body)
	}
	if a := form(agent, "action=remove&key=shop"); a.status != 403 {
		t.Errorf("an agent's form: %d", a.status)
	}
	if a := b.do("DELETE", "/v1/admin/sites/shop", "", as(admin)...); a.status != 204 || reads() != "" {
		t.Errorf("removed: %d", a.status)
	}
	if a := b.do("DELETE", "/v1/admin/sites/shop", "", as(admin)...); a.status != 404 {
		t.Errorf("removed twice: %d", a.status)
	}
	var lines int
	if err := b.pool.QueryRow(t.Context(), `SELECT count(*) FROM audit WHERE subject = 'shop' AND action LIKE 'site.%'`).Scan(&lines); err != nil || lines != 4 {
		t.Errorf("%d lines in the audit log, %v", lines, err)
	}
}
