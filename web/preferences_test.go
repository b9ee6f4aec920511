package web

import (
	"fmt"
	"strings"
	"testing"
)

// What an agent has chosen is theirs on whichever machine, and nothing else can be kept there.
func TestPreferences(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, ben := b.person("ada@larkpay.example", "agent", "token", "general"), b.person("ben@larkpay.example", "agent", "token", "general")
	const path = "/v1/agent/preferences"
	do := func(name, method, body, secret string, status int, want ...string) scenario {
		return scenario{name: name, method: method, path: path, body: body, headers: []string{"Authorization", "Bearer " + secret}, status: status, want: want}
	}
	b.run([]scenario{
		do("nothing chosen yet", "GET", "", ada, 200, `"preferences":{}`),
		do("chosen", "PUT", `{"undo_ms":0,"sound":true,"keys":{"next":"x","resolve":""}}`, ada, 200, `"undo_ms":0`),
		do("on another machine", "GET", "", ada, 200, `"undo_ms":0`, `"sound":true`, `"next":"x"`, `"resolve":""`),
		do("a colleague has their own", "GET", "", ben, 200, `"preferences":{}`),
		do("too long a pause", "PUT", `{"undo_ms":30001}`, ada, 422, `"field":"undo_ms"`),
		do("a preference that there is not", "PUT", `{"theme":"x"}`, ada, 422),
		do("no id of a command", "PUT", `{"keys":{"A b":"x"}}`, ada, 422, `"field":"keys"`, "bad_command"),
		do("too long a key", "PUT", `{"keys":{"next":"`+strings.Repeat("x", 41)+`"}}`, ada, 422, `"field":"keys"`, "too_long"),
		do("a control character", "PUT", `{"keys":{"next":"\u0000"}}`, ada, 422, `"field":"keys"`, "bad_key"),
		do("too much of all", "PUT", `{"keys":{`+manyKeys()+`}}`, ada, 422, `"field":"keys"`, "too_large"),
		do("what was refused changed nothing", "GET", "", ada, 200, `"undo_ms":0`, `"next":"x"`),
		do("less is chosen", "PUT", `{}`, ada, 200, `"preferences":{}`),
		do("nothing of before is left", "GET", "", ada, 200, `"preferences":{}`),
		do("nobody", "GET", "", "wrong", 401),
	})
}

// manyKeys are as many and as long as each may be, which together is more than may be kept.
func manyKeys() string {
	var all []string
	for i := range 200 {
		all = append(all, fmt.Sprintf("\"%s%03d\":%q", strings.Repeat("c", 37), i, strings.Repeat("x", 40)))
	}
	return strings.Join(all, ",")
}
