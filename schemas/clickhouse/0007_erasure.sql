-- What is erased must not go on standing in the text of the statement that erased it: ClickHouse keeps these texts with
-- the table, and 100 of them. The one that stays is a harmless one, see internal/store/erase.go.
ALTER TABLE {{table "events"}} {{on_cluster}} MODIFY SETTING finished_mutations_to_keep = 1;

ALTER TABLE {{table "opinions"}} {{on_cluster}} MODIFY SETTING finished_mutations_to_keep = 1;
