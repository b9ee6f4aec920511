package kb

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestRenderHTML(t *testing.T) {
	for _, c := range []struct{ name, md, want string }{
		{"heading ids", "## A *b*\n## A b\n", "<h2 id=\"a-b\">A <em>b</em></h2>\n<h2 id=\"a-b-1\">A b</h2>\n"},
		{"article link", "[a](/help/late-fees#us)", "<p><a href=\"/en/help/late-fees#us\">a</a></p>\n"},
		{"fragment", "[a](#us)", "<p><a href=\"#us\">a</a></p>\n"},
		{"external link", "[a](https://e.example/?a=1&b=2)", "<p><a href=\"https://e.example/?a=1&amp;b=2\" rel=\"noopener noreferrer\">a</a></p>\n"},
		{"bare link", "https://e.example", "<p><a href=\"https://e.example\" rel=\"noopener noreferrer\">https://e.example</a></p>\n"},
		{"mail", "<a@e.example> [w](mailto:a@e.example)", "<p><a href=\"mailto:a@e.example\">a@e.example</a> <a href=\"mailto:a@e.example\">w</a></p>\n"},
		{"javascript", "[a **b**](javascript:alert(1))", "<p>a <strong>b</strong></p>\n"},
		{"javascript in capitals", "[a](JaVaScRiPt:alert(1))", "<p>a</p>\n"},
		{"javascript by entity", "[a](java&#115;cript:alert(1))", "<p>a</p>\n"},
		{"javascript with a line feed", "[a](java&#10;script:alert(1))", "<p>a</p>\n"},
		{"javascript with leading control", "[a](&#1;javascript:alert(1))", "<p>a</p>\n"},
		{"javascript by reference", "[a][x]\n\n[x]: javascript:alert(1)", "<p>a</p>\n"},
		{"javascript autolink", "<javascript:alert(1)>", "<p>javascript:alert(1)</p>\n"},
		{"data link", "[a](data:text/html;base64,PHNjcmlwdD4=)", "<p>a</p>\n"},
		{"other host without scheme", "[a](//e.example/x) [b](/\\e.example)", "<p>a b</p>\n"},
		{"data image", "![a <b>](data:image/png;base64,AAAA)", "<p>a</p>\n"},
		{"plain http image", "![a & b](http://e.example/a.png)", "<p>a &amp; b</p>\n"},
		{"image", "![a](/a.png)", "<p><img src=\"/a.png\" alt=\"a\" loading=\"lazy\" referrerpolicy=\"no-referrer\"></p>\n"},
		{"unsafe image in a safe link", "[![a](data:x)](/help/b)", "<p><a href=\"/en/help/b\">a</a></p>\n"},
		{"html block", "<script>alert(1)</script>\n\nx", "<p>x</p>\n"},
		{"inline html", "a <img src=x onerror=alert(1)> <b>b</b><br/>c", "<p>a  b<br>\nc</p>\n"},
		{"comment", "a <!-- b --> c", "<p>a  c</p>\n"},
		{"table", "| a | b |\n|---|--:|\n| 1 | 2 |", "<table>\n<thead>\n<tr>\n<th>a</th>\n<th align=\"right\">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n<td align=\"right\">2</td>\n</tr>\n</tbody>\n</table>\n"},
		{"steps from three", "3. a\n4. b", "<ol start=\"3\">\n<li>a</li>\n<li>b</li>\n</ol>\n"},
		{"attributes are words", "## A {onclick=x}", "<h2 id=\"a-onclickx\">A {onclick=x}</h2>\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := RenderHTML(c.md, RenderOptions{HelpBase: "/en"})
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestRenderHTMLContents(t *testing.T) {
	_, toc := RenderHTML("## A\n### B `c`\n", RenderOptions{})
	want := []Heading{{2, "A", "a"}, {3, "B c", "b-c"}}
	if d := cmp.Diff(want, toc); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want, Anchors("## A\n### B `c`\n")); d != "" {
		t.Error(d)
	}
}

// TestRenderHTMLIsSafe puts attacks together at random and looks for what must never come out.
func TestRenderHTMLIsSafe(t *testing.T) {
	piece := rapid.SampledFrom([]string{"<script>", "</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "javascript:alert(1)", "JAVASCRIPT:", "data:text/html,x", "vbscript:x", "[a](", "![a](", ")", "]", "[", "<", ">", "\"", "'", "(", "\n", "\n\n", "    ", "- ", "> ", "| a | b |\n|---|---|\n", "`", "```\n", "# ", "[x]: ", "[x]", "&#106;", "&lt;", "\\", "*", "~~", "<br>", "onclick=x", "<a href=\"javascript:x\">", "<!--", "-->", "<?", "?>", "<![CDATA["})
	rapid.Check(t, func(t *rapid.T) {
		md := strings.Join(rapid.SliceOfN(piece, 0, 25).Draw(t, "pieces"), "")
		html, _ := RenderHTML(md, RenderOptions{})
		tags := tagPattern.FindAllString(html, -1)
		if rest := tagPattern.ReplaceAllString(html, ""); strings.ContainsAny(rest, "<>") {
			t.Fatalf("unknown tag in %q from %q", html, md)
		}
		for _, tag := range tags {
			low := strings.ToLower(tag)
			for _, bad := range []string{"href=\"javascript:", "href=\"data:", "href=\"vbscript:", "src=\"javascript:", "src=\"data:", " onclick=", " onload=", " onerror="} {
				if strings.Contains(quotedValue.ReplaceAllStringFunc(low, keepAddresses), bad) {
					t.Fatalf("%s in %q from %q", bad, tag, md)
				}
			}
		}
	})
}

// tagPattern matches the tags that rendering writes, with quoted attribute values.
var tagPattern = regexp.MustCompile(`</?(p|a|h[1-6]|em|strong|del|code|pre|blockquote|ul|ol|li|table|thead|tbody|tr|th|td|br|hr|img|input)( [a-z]+(="[^"<>]*")?)*>`)

var quotedValue = regexp.MustCompile(`[a-z]+="[^"]*"`)

// keepAddresses empties the attribute values in which the words of an attack are only words.
func keepAddresses(attribute string) string {
	if strings.HasPrefix(attribute, "href=") || strings.HasPrefix(attribute, "src=") {
		return attribute
	}
	return attribute[:strings.IndexByte(attribute, '=')+1] + `""`
}
