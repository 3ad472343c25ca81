-- A device that its user denied gets access_denied.
ALTER TABLE plexsphere.device_sessions
    ADD COLUMN denied_by uuid REFERENCES plexsphere.users (id) ON DELETE CASCADE,
    ADD COLUMN denied_at timestamptz;
