package web

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestContractMerges(t *testing.T) {
	const first = `
openapi: 3.0.3
paths:
  /a: {get: {x-events: desk}}
components:
  schemas: {A: {type: string}}
  responses: {Gone: {description: gone}}
`
	const second = `
x-anchors: [&kim {type: integer}]
x-events: {desk: {queue: "#/components/schemas/A"}}
paths:
  /b: {get: {parameters: [{content: {x-events: {own: B}}}]}}
components:
  schemas: {B: *kim}
`
	const third = `
x-events: {desk: {entry: "#/components/schemas/B"}}
paths:
`
	tests := []struct{ name, second, third, want string }{
		{"all is well", second, third, ""},
		{"a path twice", second, "paths: {/b: {post: {}}}", "openapi/z.yaml: path /b is in openapi/s.yaml already"},
		{"a path of the main file", "paths: {/a: {post: {}}}", "", "openapi/s.yaml: path /a is in openapi.yaml already"},
		{"a schema twice", second, "components: {schemas: {B: {type: string}}}", "openapi/z.yaml: component of schemas: B is in openapi/s.yaml already"},
		{"an event twice", second, "x-events: {desk: {queue: B}}", "event of desk: queue is in openapi/s.yaml already"},
		{"a list of events that is nowhere", "paths: {/b: {}}", "", `"desk"`},
		{"what no fragment may have", second, "info: {title: mine}", `openapi/z.yaml: "info" belongs into openapi.yaml`},
		{"what is no mapping", second, "paths: [1]", "openapi/z.yaml: paths is not a mapping"},
		{"components that are none", second, "components: {schemas: 1}", "schemas is not a mapping"},
		{"a path twice in one file", "paths: {/c: {get: {}}, /c: {get: {}}}", "", "openapi/s.yaml"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body, err := contractJSON(fstest.MapFS{"openapi.yaml": {Data: []byte(first)}, "openapi/s.yaml": {Data: []byte(tt.second)}, "openapi/z.yaml": {Data: []byte(tt.third)}})
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want %q", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got, want any
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(`{"openapi": "3.0.3", "paths": {
				"/a": {"get": {"x-events": {"queue": "#/components/schemas/A", "entry": "#/components/schemas/B"}}},
				"/b": {"get": {"parameters": [{"content": {"x-events": {"own": "B"}}}]}}},
				"components": {"schemas": {"A": {"type": "string"}, "B": {"type": "integer"}}, "responses": {"Gone": {"description": "gone"}}}}`), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
