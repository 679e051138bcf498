-- The body of an answer that one row does not take, in `parts` rows of `idempotent_parts`, from number 0 on. They go with
-- the claim that has stored them. NULL: the body is not in parts, or the worker does not know the column.
ALTER TABLE idempotent_answers ADD COLUMN parts INTEGER;

CREATE TABLE idempotent_parts (
  claim TEXT NOT NULL,
  number INTEGER NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (claim, number)
);

CREATE TRIGGER idempotent_parts_go_with_the_answer AFTER DELETE ON idempotent_answers
BEGIN
  DELETE FROM idempotent_parts WHERE claim = OLD.claim;
END;

CREATE TRIGGER idempotent_parts_go_with_the_claim AFTER UPDATE OF claim ON idempotent_answers
BEGIN
  DELETE FROM idempotent_parts WHERE claim = OLD.claim AND claim <> NEW.claim;
END;
