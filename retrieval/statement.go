package retrieval

import (
	"fmt"
	"strings"
)

// legible is the condition under which a passage p may be read now by the scope of parameters $3 to $6. It is the only
// place that decides this. Everything it asks for stands beside the passage, kept equal to the article and its version by
// the database itself; only whether there is a version in a better language takes another look.
const legible = `p.live AND (p.valid_from IS NULL OR p.valid_from <= now()) AND (p.valid_to IS NULL OR p.valid_to > now())
				AND p.locale = ANY($3::text[]) AND p.audience = ANY($4::text[])
				AND (p.markets = '{}' OR $5::text = ANY(p.markets)) AND ($6::boolean OR NOT p.ai_excluded)
				AND (p.locale = $3[1] OR NOT EXISTS (
					SELECT FROM article_versions w
					WHERE w.article_id = p.article_id AND w.state = 'published' AND w.id <> p.version_id
						AND (w.valid_from IS NULL OR w.valid_from <= now()) AND (w.valid_to IS NULL OR w.valid_to > now())
						AND array_position($3, w.locale) < array_position($3, p.locale)))`

// statement returns the text of the search, for one embedding model or, with an empty name, without the dense leg.
//
//	$1 ids of passages   $2 their lexical scores   $3 locales and $4 audiences, wanted first
//	$5 market   $6 whether excluded articles are wanted too   $7 passages wanted   $8 and $9 factors of $3 and $4
//	$10 the question's vector   $11 how many neighbours, 0 when $1 holds everything legible   $12 weight of the dense leg
//	$13 whether cosines count from the last neighbour's up instead of from 0
//
// The model's name and size stand in the text, not in parameters, because only then does the planner know that the
// model's partial index serves. The subqueries with OFFSET 0 are fences: passages, versions and articles are looked up by
// key, never by reading tables, however few rows the planner believes there are. Neighbours are looked up one by one,
// nearest first, until $11 of them may be read.
//
// The first column is the knowledge base's revision and the second the active model; there is one row without a passage
// when nothing was found.
func statement(model string, dimensions int) string {
	near := `near AS (
		SELECT NULL::bigint AS id, NULL::uuid AS version_id, NULL::uuid AS article_id, NULL::real AS factor, NULL::float8 AS cosine
		WHERE $10::real[] IS NOT NULL AND $11::bigint > 0 -- never: without a vector there are no neighbours
	)`
	cosine := `NULL::float8`
	if model != "" {
		distance := fmt.Sprintf(`(e.embedding::halfvec(%d)) <=> (SELECT vector FROM question)`, dimensions)
		name := "'" + strings.ReplaceAll(model, "'", "''") + "'"
		near = fmt.Sprintf(`question AS MATERIALIZED (SELECT $10::real[]::halfvec(%d) AS vector),
	near AS MATERIALIZED (
		SELECT n.passage_id AS id, r.version_id, r.article_id, r.factor, 1 - n.distance AS cosine
		FROM (
			SELECT e.passage_id, %s AS distance
			FROM embeddings e WHERE e.model = %s
			ORDER BY %s
			LIMIT 400 -- a number, not a parameter: by it the planner knows that the index is the way
		) n CROSS JOIN LATERAL (%s) r
		LIMIT $11::bigint
	)`, dimensions, distance, name, distance, lookup("n.passage_id"))
		cosine = fmt.Sprintf(`(SELECT 1 - (%s) FROM embeddings e WHERE e.passage_id = l.id AND e.model = %s)`, distance, name)
	}
	return `WITH ` + near + `,
	lexical AS MATERIALIZED (
		SELECT id, score FROM unnest($1::bigint[], $2::real[]) AS t (id, score)
	),
	pool AS (
		SELECT n.id, n.version_id, n.article_id, n.factor, n.cosine, coalesce(l.score, 0) AS lexical
		FROM near n LEFT JOIN lexical l ON l.id = n.id
		UNION ALL
		SELECT l.id, r.version_id, r.article_id, r.factor, ` + cosine + `, l.score
		FROM lexical l CROSS JOIN LATERAL (` + lookup("l.id") + `) r
		WHERE NOT EXISTS (SELECT FROM near n WHERE n.id = l.id)
	),
	bounds AS (
		SELECT max(cosine) AS highest, CASE WHEN $13::boolean THEN (SELECT coalesce(min(cosine), 0) FROM near) ELSE 0 END AS lowest,
			count(*) AS candidates
		FROM pool
	),
	fused AS (
		SELECT id, version_id, article_id, lexical, cosine, dense, (1 - $12::float8) * lexical + $12::float8 * factor * dense AS score,
			highest AS top_cosine, candidates
		FROM (
			SELECT p.*, highest, candidates,
				CASE WHEN highest > lowest THEN greatest(0, (coalesce(cosine, 0) - lowest) / (highest - lowest)) ELSE 0 END AS dense
			FROM pool p, bounds
		) p
	),
	grouped AS (
		SELECT *, row_number() OVER own AS own, max(lexical) OVER own AS article_lexical, max(dense) OVER own AS article_dense
		FROM fused
		WHERE score > 0
		WINDOW own AS (PARTITION BY article_id ORDER BY score DESC, id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
	),
	kept AS (
		SELECT *, row_number() OVER best AS place, own = 1 AND count(*) FILTER (WHERE own = 1) OVER best <= 10 AS leads
		FROM grouped
		WINDOW best AS (ORDER BY score DESC, id ROWS UNBOUNDED PRECEDING)
	)
	SELECT k.revision, coalesce((SELECT name FROM embedding_models WHERE active), ''),
		r.id, r.version_id, r.article_id, r.lexical, r.dense, coalesce(r.cosine, 0), r.score, r.leads, r.article_lexical, r.article_dense,
		coalesce(r.top_cosine, 0), r.candidates, r.number, r.slug, r.variant, r.collection, r.title, r.description, r.locale, r.audience,
		r.headings, r.anchor, r.markdown, r.text, r.review_on, r.published_at, r.lead
	FROM kb_revision k LEFT JOIN (
		SELECT x.*, v.number, a.slug, a.variant, a.collection, v.title, v.description, v.locale, a.audience,
			t.headings, t.anchor, t.markdown, t.text, v.review_on, v.published_at, o.markdown AS lead
		FROM kept x
		CROSS JOIN LATERAL (SELECT * FROM article_versions v WHERE v.id = x.version_id OFFSET 0) v
		CROSS JOIN LATERAL (SELECT * FROM articles a WHERE a.id = x.article_id OFFSET 0) a
		LEFT JOIN LATERAL (SELECT * FROM passages p WHERE p.id = x.id AND x.place <= $7::bigint OFFSET 0) t ON true
		LEFT JOIN LATERAL ( -- what stands above the first heading belongs to any quotation of the best article
			SELECT p.markdown FROM passages p
			WHERE p.version_id = x.version_id AND p.ordinal = 0 AND p.anchor = '' AND p.id <> x.id AND x.place = 1 OFFSET 0) o ON true
		WHERE x.place <= $7 OR x.leads
	) r ON true
	ORDER BY r.place`
}

// lookup returns the subquery that finds a passage when it may be read, and by how much one of its language and audience
// counts.
func lookup(id string) string {
	return `
			SELECT p.version_id, p.article_id,
				($8::real[])[array_position($3, p.locale)] * ($9::real[])[array_position($4, p.audience)] AS factor
			FROM (SELECT * FROM passages WHERE id = ` + id + ` OFFSET 0) p
			WHERE ` + legible
}
