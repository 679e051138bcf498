"""Migrations: which classes of a script are Durable Objects.

Source: https://developers.cloudflare.com/durable-objects/reference/durable-objects-migrations/.
"""

from dataclasses import replace

from .http import CLASS_EXISTS, CLASS_NOT_CONFIGURED, WRONG_MIGRATION_TAG, refusal
from .resources import ObjectClass, Resources
from .uploads import Binding, Migrations, MigrationStep


def migrate(
    classes: dict[str, ObjectClass], migrations: Migrations | None, *, script: str, tag: str | None
) -> tuple[dict[str, ObjectClass], str | None]:
    """Return the account's classes and the script's tag after the migrations. Raises `Refusal`."""
    if migrations is None:
        return classes, tag
    if tag is not None and migrations.old_tag != tag:
        raise refusal(412, WRONG_MIGRATION_TAG, f"Migration tag precondition failed; current tag is {tag}")
    if tag is None and migrations.old_tag:
        raise refusal(412, WRONG_MIGRATION_TAG, "Migration tag precondition failed; current tag is undefined")
    migrated = Resources(object_classes=dict(classes))
    for step in [migrations, *migrations.steps]:
        _take_step(migrated, step, script)
    return migrated.object_classes, migrations.new_tag or tag


def _take_step(resources: Resources, step: MigrationStep, script: str) -> None:
    new = [(name, False) for name in step.new_classes] + [(name, True) for name in step.new_sqlite_classes]
    for name, use_sqlite in new:
        _check_absent(resources, script, name, kind="new-class")
        added = ObjectClass(script, name, use_sqlite)
        resources.object_classes[added.id] = added
    for name in step.deleted_classes:
        del resources.object_classes[_find(resources, script, name, kind="delete-class").id]
    for renaming in step.renamed_classes:
        _move(resources, _find(resources, script, renaming.source, kind="rename-class"), script, renaming.to)
    for renaming in step.transferred_classes:
        owner = renaming.from_script or ""
        _move(resources, _find(resources, owner, renaming.source, kind="transfer-class"), script, renaming.to)


def _move(resources: Resources, moved: ObjectClass, script: str, name: str) -> None:
    _check_absent(resources, script, name, kind="rename-class")
    resources.object_classes[moved.id] = replace(moved, script=script, class_name=name)


def _check_absent(resources: Resources, script: str, name: str, *, kind: str) -> None:
    if resources.find_class(script, name):
        text = (
            f"Cannot apply {kind} migration to class '{name}' that is already depended on by existing Durable Objects."
        )
        raise refusal(400, CLASS_EXISTS, text)


def _find(resources: Resources, script: str, name: str, *, kind: str) -> ObjectClass:
    found = resources.find_class(script, name)
    if found is None:
        raise refusal(400, CLASS_NOT_CONFIGURED, f"Cannot apply --{kind} migration to non-existent class '{name}'.")
    return found


def check_deletions(
    before: dict[str, ObjectClass], after: dict[str, ObjectClass], bindings: list[Binding], *, script: str
) -> None:
    """Refuse to delete a class that the same version binds."""
    bound = {binding["class_name"] for binding in bindings if binding["type"] == "durable_object_namespace"}
    for id_ in before.keys() - after.keys():
        name = before[id_].class_name
        if before[id_].script == script and name in bound:
            text = (
                f"Cannot apply --delete-class migration to class '{name}' without also removing the binding that "
                "references it."
            )
            raise refusal(400, CLASS_NOT_CONFIGURED, text)
