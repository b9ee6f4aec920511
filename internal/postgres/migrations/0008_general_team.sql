-- Handoffs need somewhere to go from the first day: a team that is always there, until somebody says otherwise.
INSERT INTO teams (key, name, hours) VALUES ('general', 'General support', '{"always_open": true}') ON CONFLICT DO NOTHING;
