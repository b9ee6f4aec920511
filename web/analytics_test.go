package web

import (
	"strings"
	"testing"
)

func TestFiguresAPI(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lead := []string{"Authorization", "Bearer " + b.person("sue@larkpay.example", "supervisor", "token")}
	agent := []string{"Authorization", "Bearer " + b.person("ann@larkpay.example", "agent", "token", "general")}
	id, token := b.conversation("gb", "en")
	if a := b.do("POST", "/v1/conversations/"+id+"/handoff", "{}", "Authorization", "Bearer "+token); a.status != 202 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if _, err := b.pool.Exec(t.Context(), `UPDATE teams SET name = '=HYPERLINK("x")' WHERE key = 'general'`); err != nil {
		t.Fatal(err)
	}
	asTable := append([]string{"Accept", "text/csv"}, lead...)
	b.run([]scenario{
		{name: "nobody", path: "/v1/analytics/handoffs", status: 401},
		{name: "an agent", path: "/v1/analytics/handoffs", headers: agent, status: 403},
		{name: "a lead", path: "/v1/analytics/handoffs", headers: lead, status: 200, want: []string{`"key":"customer_request"`, `"n":1`, `"zone":"UTC"`}},
		{name: "by day", path: "/v1/analytics/waits?by=day&zone=Europe/Berlin", headers: lead, status: 200, want: []string{`"wait_p50":null`}},
		{name: "agents", path: "/v1/analytics/agents", headers: lead, status: 200, want: []string{`"by":"agent"`, `"key":"declined","unit":"count"`}},
		{name: "agents as a table", path: "/v1/analytics/agents", headers: asTable, status: 200, want: []string{",offers,declined,lapsed,"}},
		{name: "the assistant", path: "/v1/analytics/assistant", headers: lead, status: 200, want: []string{`"handed_off"`}},
		{name: "outcomes of a team", path: "/v1/analytics/outcomes?team=fraud", headers: lead, status: 200, want: []string{`"rows":[]`}},
		{name: "a table", path: "/v1/analytics/handoffs?by=team", headers: asTable, status: 200, want: []string{"team,label,n,urgent", "general,\"'=HYPERLINK(\"\"x\"\")\",1,0,0", ",total,1,"},
			wantHeader: map[string]string{"Content-Disposition": `attachment; filename="handoffs-by-team.csv"`, "Content-Type": "text/csv; charset=utf-8"}},
		{name: "another time", path: "/v1/analytics/handoffs?from=2020-01-01&to=2020-01-31", headers: lead, status: 200, want: []string{`"from":"2020-01-01T00:00:00Z"`, `"to":"2020-02-01T00:00:00Z"`, `"n":0`}},
		{name: "by what is nothing", path: "/v1/analytics/handoffs?by=colour", headers: lead, status: 422, want: []string{`"field":"by"`}},
		{name: "from no day", path: "/v1/analytics/handoffs?from=yesterday", headers: lead, status: 422, want: []string{`"field":"from"`}},
		{name: "in no zone", path: "/v1/analytics/handoffs?zone=Mars", headers: lead, status: 422, want: []string{`"field":"zone"`}},
		{name: "no report", path: "/v1/analytics/gossip", headers: lead, status: 404},
	})
	if a := b.do("GET", "/v1/analytics/handoffs", "", lead...); strings.Contains(a.body, token) {
		t.Error("a secret is in the figures")
	}
}
