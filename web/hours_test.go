package web

import (
	"strings"
	"testing"
	"time"
)

// Teams, closures and alerts are for whoever leads; the hours themselves are the admins'.
func TestHoursAPI(t *testing.T) {
	t.Parallel()
	b := setup(t)
	as := map[string][]string{}
	for _, role := range []string{"agent", "supervisor", "admin", "editor"} {
		as[role] = []string{"Authorization", "Bearer " + b.person(role+"@larkpay.example", role, "token", "general")}
	}
	with := func(role string, more ...string) []string { return append(append([]string{}, as[role]...), more...) }
	begun, ends := time.Now().UTC().Add(-time.Hour).Format(time.RFC3339), time.Now().UTC().Add(time.Hour).Format(time.RFC3339)
	etag := b.do("GET", "/v1/admin/teams/payments", "", as["admin"]...).header.Get("ETag")
	if etag == "" {
		t.Fatal("no ETag")
	}
	body := `{"name":"Payments","hours":{"markets":{"gb":{"time_zone":"Europe/London","windows":[{"days":[1,2,3,4,5],"from":"08:00","to":"20:00"}],"special":[{"date":"2027-12-24","from":"08:00","to":"12:00"}]}}},"fallback":"general","rules":{"clocks":{"":{"resolve_seconds":86400}}}}`
	b.run([]scenario{
		{name: "nobody", path: "/v1/admin/teams", status: 401},
		{name: "an agent", path: "/v1/admin/teams", headers: as["agent"], status: 403, want: []string{"not_a_lead"}},
		{name: "an editor", path: "/v1/admin/teams", headers: as["editor"], status: 403},
		{name: "a supervisor", path: "/v1/admin/teams", headers: as["supervisor"], status: 200, want: []string{`"key":"fraud"`, `"Europe/Berlin"`, `"changes_at"`}},
		{name: "one team", path: "/v1/admin/teams/fraud", headers: as["supervisor"], status: 200, want: []string{`"always_open":true`}},
		{name: "no team", path: "/v1/admin/teams/gardening", headers: as["admin"], status: 404, want: []string{"team_not_found"}},
		{name: "a supervisor writes", method: "PUT", path: "/v1/admin/teams/payments", body: body, headers: with("supervisor", "If-Match", etag), status: 403},
		{name: "without a condition", method: "PUT", path: "/v1/admin/teams/payments", body: body, headers: as["admin"], status: 422, want: []string{"If-Match"}},
		{name: "an admin writes", method: "PUT", path: "/v1/admin/teams/payments", body: body, headers: with("admin", "If-Match", etag), status: 200, want: []string{`"2027-12-24"`, `"resolve_seconds":86400`}},
		{name: "somebody else had seen the old one", method: "PUT", path: "/v1/admin/teams/payments", body: strings.Replace(body, "86400", "60", 1), headers: with("admin", "If-Match", etag), status: 409, want: []string{"changed_meanwhile"}},
		{name: "a mistake is named", method: "PUT", path: "/v1/admin/teams/payments", body: strings.Replace(body, "Europe/London", "Europe/Atlantis", 1), headers: with("admin", "If-Match", "*"), status: 422, want: []string{`"field":"hours"`, "Europe/Atlantis"}},
		{name: "a field that is none", method: "PUT", path: "/v1/admin/teams/payments", body: `{"name":"x","hours":{},"colour":"red"}`, headers: with("admin", "If-Match", "*"), status: 422, want: []string{"colour"}},
		{name: "a new team", method: "PUT", path: "/v1/admin/teams/gardening", body: `{"name":"Gardening","hours":{"always_open":true}}`, headers: with("admin", "If-None-Match", "*"), status: 200},
		{name: "which goes again", method: "DELETE", path: "/v1/admin/teams/gardening", headers: with("admin", "If-Match", "*"), status: 204},
		{name: "one in use stays", method: "DELETE", path: "/v1/admin/teams/general", headers: with("admin", "If-Match", "*"), status: 409, want: []string{"team_in_use"}},

		{name: "an agent closes", method: "POST", path: "/v1/admin/closures", body: `{"ends_at":"2100-01-01T00:00:00Z"}`, headers: as["agent"], status: 403},
		{name: "for too long", method: "POST", path: "/v1/admin/closures", body: `{"ends_at":"2100-01-01T00:00:00Z"}`, headers: as["supervisor"], status: 422, want: []string{`"field":"ends_at"`}},
		{name: "a market that is none", method: "POST", path: "/v1/admin/closures", body: `{"market":"xx","starts_at":"2099-01-01T00:00:00Z","ends_at":"2099-01-02T00:00:00Z"}`, headers: as["supervisor"], status: 422, want: []string{`"field":"market"`}},
		{name: "a closure that has begun", method: "POST", path: "/v1/admin/closures", body: `{"team":"fraud","starts_at":"` + begun + `","ends_at":"` + ends + `","note":{"en":"Fire drill."}}`, headers: as["supervisor"], status: 201, want: []string{`"team":"fraud"`}},
		{name: "which everybody reads", path: "/v1/contact-options?locale=en&market=gb&topic=unauthorised_transaction", status: 200, want: []string{`"notice":"Fire drill."`, `"open":false`}},
		{name: "no alerts for agents", path: "/v1/agent/alerts", headers: as["agent"], status: 403},
		{name: "no alerts", path: "/v1/agent/alerts", headers: as["supervisor"], status: 200, want: []string{`"alerts":[]`}},
		{name: "no such alert", method: "POST", path: "/v1/agent/alerts/0190a3b0-0000-7000-8000-000000000000/seen", headers: as["supervisor"], status: 404},
	})
	id := b.do("GET", "/v1/admin/closures", "", as["supervisor"]...).json(t)["closures"].([]any)[0].(map[string]any)["id"].(string)
	if a := b.do("DELETE", "/v1/admin/closures/"+id, "", as["supervisor"]...); a.status != 204 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := b.do("GET", "/v1/contact-options?locale=en&market=gb&topic=unauthorised_transaction", ""); !strings.Contains(a.body, `"notice":""`) {
		t.Errorf("still closed: %s", a.body)
	}
}
