-- A rotated API token keeps every value that it had until that value's own sunset, however often it is rotated.
CREATE TABLE plexsphere.retired_token_values (
    secret_hash bytea PRIMARY KEY,
    token_id    uuid NOT NULL REFERENCES plexsphere.api_tokens (id) ON DELETE CASCADE,
    sunset_at   timestamptz NOT NULL
);
CREATE INDEX retired_token_values_sunset_idx ON plexsphere.retired_token_values (sunset_at);
CREATE INDEX retired_token_values_token_idx ON plexsphere.retired_token_values (token_id);
INSERT INTO plexsphere.retired_token_values (secret_hash, token_id, sunset_at)
SELECT previous_hash, id, rotation_deadline FROM plexsphere.api_tokens
WHERE previous_hash IS NOT NULL AND rotation_deadline > now();
ALTER TABLE plexsphere.api_tokens DROP COLUMN previous_hash, DROP COLUMN rotation_deadline;

-- A sign-in belongs to the browser that started it; of those under way nobody knows whose they are.
DELETE FROM plexsphere.sign_ins;
ALTER TABLE plexsphere.sign_ins ADD COLUMN browser_hash bytea NOT NULL;

-- Wrong user codes of the last minutes; guesser is user:<id> or address:<network>.
CREATE TABLE plexsphere.wrong_user_codes (
    guesser    text NOT NULL,
    guessed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX wrong_user_codes_guesser_idx ON plexsphere.wrong_user_codes (guesser, guessed_at);
CREATE INDEX wrong_user_codes_guessed_at_idx ON plexsphere.wrong_user_codes (guessed_at);
