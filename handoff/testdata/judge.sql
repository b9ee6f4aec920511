-- Looks at every offer in the moment in which it is made, within the router's transaction and behind its locks. For tests.
CREATE TABLE verdicts (at timestamptz NOT NULL DEFAULT clock_timestamp(), what text NOT NULL, detail text NOT NULL);
CREATE FUNCTION judge() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE a agents; h handoffs; has integer; n integer; age interval;
BEGIN
	SELECT * INTO a FROM agents WHERE id = NEW.agent_id;
	SELECT * INTO h FROM handoffs WHERE id = NEW.handoff_id;
	age := NEW.made_at - h.team_since;
	SELECT COALESCE(sum(weight), 0), count(*) INTO has, n FROM handoffs
		WHERE (agent_id = a.id OR (wanted_agent = a.id AND state = 'accepted')) AND ended_at IS NULL AND snoozed_until IS NULL;
	INSERT INTO verdicts (what, detail) SELECT x.what, format('offer %s of %s to %s: %s', NEW.id, h.id, a.name, row_to_json(a)) FROM (VALUES
		('offered to somebody who is not there', a.presence <> 'online' OR a.connected_until <= NEW.made_at OR a.disabled_at IS NOT NULL),
		('offered to somebody who may not have it', a.role = 'editor' OR (h.state = 'offered'
			AND NOT EXISTS (SELECT FROM agent_teams WHERE agent_id = a.id AND team = h.team))),
		('offered to somebody who is full', has > a.capacity AND n > 1),
		('offered without the market', age < interval '29 seconds' AND a.markets <> '{}' AND NOT h.market = ANY (a.markets) AND h.state = 'offered'),
		('offered without the language', age < interval '59 seconds' AND a.languages <> '{}' AND NOT h.language = ANY (a.languages) AND h.state = 'offered'),
		-- What a colleague asks of them beside an offer is a person's own decision; it counts for what the router offers after it.
		('offered beside an open offer', h.state = 'offered' AND EXISTS (SELECT FROM offers o JOIN handoffs x ON x.id = o.handoff_id
			WHERE o.agent_id = a.id AND o.outcome = 'open' AND o.id <> NEW.id AND (h.priority <> 1 OR x.priority = 1))),
		('offered twice at once', (SELECT count(*) FROM offers WHERE handoff_id = h.id AND outcome = 'open') > 1),
		('offered again to who has passed', EXISTS (SELECT FROM offers WHERE handoff_id = h.id AND agent_id = a.id AND outcome IN ('lapsed', 'declined') AND forgotten_at IS NULL)),
		('offered past a wish', h.state = 'offered' AND h.wanted_agent IS NOT NULL AND h.wanted_agent <> a.id),
		('offered and not', h.state NOT IN ('offered', 'accepted'))
	) AS x(what, wrong) WHERE x.wrong;
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER judged AFTER INSERT ON offers FOR EACH ROW EXECUTE FUNCTION judge();
