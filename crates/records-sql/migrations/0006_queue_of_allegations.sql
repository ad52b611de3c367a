-- The order of the desk's queue as columns: what is urgent stands first, however much comes in after it.

ALTER TABLE allegations ADD COLUMN urgency INTEGER NOT NULL DEFAULT 0;

UPDATE allegations SET urgency =
    (CASE json_extract(document, '$.danger') WHEN 1 THEN 0 ELSE 2 END)
  + (CASE WHEN json_extract(document, '$.case') IS NULL THEN 0 ELSE 1 END);

CREATE INDEX allegations_queue ON allegations (open, urgency, ordinal);
