-- When another model took over; the vectors stay a while for processes that have not noticed yet.
ALTER TABLE embedding_models ADD COLUMN retired_at timestamptz;
