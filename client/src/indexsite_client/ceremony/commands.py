"""The commands `indexsite ceremony ...`: parse, one call, plain words; each imports what it needs when it runs."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from indexsite_client.ceremony.console import changing, say, say_next
from indexsite_client.ceremony.copies import export, merge, open_archive, paper
from indexsite_client.ceremony.options import (
    ask_secrets,
    folder_argument,
    passphrase_option,
    plan_options,
    read_holders,
    read_names,
    read_numbers,
)
from indexsite_client.errors import UsageError

Options = tuple[str, ...]


@click.group()
def ceremony() -> None:
    """Hold an index's ceremony: keys and offline signatures, in a folder, on a machine without network."""
    from importlib.util import find_spec

    if find_spec("cryptography") is None:
        raise UsageError("The ceremony makes keys, for which the client needs: pip install 'indexsite-client[crypto]'.")


@ceremony.command()
@folder_argument
@click.option("--holders", "names", metavar="NAME,NAME,...", help="Everybody who holds a key.")
@click.option("--bins", type=int, metavar="N", help="Hash bins, a power of two; 256 by default.")
@click.option("--no-names", "unnamed", is_flag=True, help="Do not say in root, which is public, who holds which key.")
@plan_options
def init(
    folder: Path,
    *,
    names: str | None,
    bins: int | None,
    unnamed: bool,
    holders: Options,
    thresholds: Options,
    days: Options,
    discard: Options,
) -> None:
    """Begin a ceremony in FOLDER: who holds keys of which role.

    By default root needs 2 of all holders for a year, targets and unclaimed the first two for a year, claimed 2 of all
    for 90 days. Where FOLDER/metadata holds what the server exported, the ceremony goes on from there.
    """
    from indexsite_client.ceremony.beginning import Choices, begin
    from indexsite_client.ceremony.telling import costs_of_discarding

    chosen = (read_holders(holders), read_numbers(thresholds), read_numbers(days), frozenset(discard))
    choices = Choices(*chosen, bins, names=not unnamed)
    said = names if names is not None else click.prompt("Names of the key holders, by commas")
    with changing(folder) as place:
        plan = begin(place, read_names(said), choices)
    click.echo(f"A ceremony for the index {plan.index_id} begins in {folder}.")
    if plan.names:
        click.echo("Its root will say in public who holds which key; begin with --no-names where it should not.")
    for role, planned in plan.roles.items():
        by = "a key that is discarded" if planned.discarded else ", ".join(planned.holders)
        click.echo(f"  {role:<10} {planned.threshold} of {len(planned.holders) or 1}, {planned.days} days: {by}")
    say(costs_of_discarding([role for role, planned in plan.roles.items() if planned.discarded]))
    say_next(folder)


@ceremony.command()
@folder_argument
@click.option("--holder", metavar="NAME", help="Whose key it is.")
@click.option("--online", is_flag=True, help="It is the index's online key.")
@click.option("--uri", metavar="URI", help="Import a key of a token or service: hsm:2?label=NAME, awskms:..., hv:...")
@click.option("--public", type=click.Path(path_type=Path), metavar="FILE", help="Its public key, a PEM file.")
@click.option("--file", type=click.Path(path_type=Path), metavar="FILE", help="Where to write a new key.")
@click.option("--replace", "replaces", is_flag=True, help="In the place of the one that there is.")
@passphrase_option
def key(
    folder: Path,
    *,
    holder: str | None,
    online: bool,
    uri: str | None,
    public: Path | None,
    file: Path | None,
    replaces: bool,
    passphrase_file: Path | None,
) -> None:
    """Make a key, or import one. Only its public part is written to FOLDER."""
    from indexsite_client.ceremony.holding import add_key
    from indexsite_client.ceremony.keys import PublicKey
    from indexsite_client.ceremony.plan import ONLINE
    from indexsite_client.ceremony.signers import import_public_key, make_key_file
    from indexsite_client.ceremony.telling import warn_of_key

    if (holder is None) != online:
        raise UsageError("Give either --holder NAME or --online.")
    name = holder or ONLINE

    def make(index_id: str) -> tuple[PublicKey, Path | None]:
        if uri:
            return import_public_key(uri, public=public, secrets=ask_secrets(passphrase_file)), None
        return make_key_file(f"{index_id[:8]}-{name}", path=file, secrets=ask_secrets(passphrase_file, confirm=True))

    with changing(folder) as place:
        made, path = add_key(place, name, make, replaces=replaces)
    click.echo(f"Key of {name}: {made.keyid}")
    say([warning] if (warning := warn_of_key(made.key["keytype"])) else [])
    if path:
        click.echo(f"Its private part: {path}, sealed under the passphrase. Keep a copy of it elsewhere.")
    if online:
        click.echo("On the server: copy that file there, and set INDEXSITE_ONLINE_KEY=file:PATH and its passphrase's")
        click.echo("file, INDEXSITE_ONLINE_KEY_PASSPHRASE_FILE." if path else "INDEXSITE_ONLINE_KEY to the URI.")
    say_next(folder)


@ceremony.command()
@folder_argument
@click.argument("roles", nargs=-1)
@click.option("--anew", is_flag=True, help="Throw drafts away, also those that people have signed.")
@click.option("--names/--no-names", default=None, help="Whether root says in public who holds which key.")
@plan_options
def draft(
    folder: Path,
    *,
    roles: Options,
    anew: bool,
    names: bool | None,
    holders: Options,
    thresholds: Options,
    days: Options,
    discard: Options,
) -> None:
    """Write the next version of each role that needs one, for its holders to sign; of ROLES in any case.

    A role needs one where it would say something else, where its keys were replaced, or where its end is near.
    """
    from indexsite_client.ceremony.beginning import Choices
    from indexsite_client.ceremony.drafting import Drafting, Wish
    from indexsite_client.ceremony.signers import one_time_signer, sign_payload
    from indexsite_client.ceremony.signing import publish_complete
    from indexsite_client.ceremony.telling import costs_of_discarding
    from indexsite_client.protocol import OFFLINE_ROLES

    if unknown := set(roles) - OFFLINE_ROLES.keys():
        raise UsageError(f"{min(unknown)[:80]!r} is no offline role; there are {', '.join(OFFLINE_ROLES)}.")
    choices = Choices(read_holders(holders), read_numbers(thresholds), read_numbers(days), frozenset(discard))
    with changing(folder) as place:
        state = place.load()
        named = state.plan.names if names is None else names
        plan = replace(state.plan, roles=choices.applied_to(state.plan.roles), names=named)
        if plan != state.plan:
            place.write_plan(plan)  # also where keys are missing: their holders make them, then it is drafted again
        wish = Wish(datetime.now(UTC), roles, anew)
        done = Drafting(replace(state, plan=plan), wish, one_time_signer, sign_payload).run()
        for document in done.stale:
            place.drop_draft(document)
        for document in done.drafts:
            place.write_draft(document)
        publish_complete(place)
    for document in done.drafts:
        click.echo(f"Drafted {document.filename}, until {document.expires:%Y-%m-%d}.")
    if not done.drafts:
        click.echo("Nothing new to draft.")
    say(costs_of_discarding([each.role for each in done.drafts if plan.roles[each.role].discarded]))
    say_next(folder)


@ceremony.command()
@folder_argument
@click.option("--as", "holder", required=True, metavar="NAME", help="Who signs.")
@click.option("--key", "place_of_key", default="", metavar="FILE|URI", help="Where the private key lies.")
@click.option("--former-key", default="", metavar="FILE|URI", help="Where the key lies that it has replaced.")
@click.option("--expect", multiple=True, metavar="SHA256", help="Of what is signed; refuses anything else.")
@click.option("--yes", is_flag=True, help="Do not ask; needs --expect for each document.")
@passphrase_option
def sign(
    folder: Path,
    *,
    holder: str,
    place_of_key: str,
    former_key: str,
    expect: Options,
    yes: bool,
    passphrase_file: Path | None,
) -> None:
    """Sign what waits for NAME, after showing what changes against the last version."""
    from indexsite_client.ceremony.changes import describe_changes
    from indexsite_client.ceremony.signing import Keyring, add_signatures, check_expected, publish_complete, to_sign

    if yes and not expect:
        raise UsageError("Nothing is signed blindly: --yes needs --expect SHA256 of each document, as `sign` shows it.")
    now = datetime.now(UTC)
    with changing(folder) as place:
        state = place.load()
        waiting = to_sign(state, holder)
        keyring = Keyring(state.records[holder], place_of_key, former_key, ask_secrets(passphrase_file))
        if expect:
            check_expected(waiting, list(expect))
        for each in waiting:
            document = each.document
            click.echo(f"\n{document.filename}")
            for line in describe_changes(document, state.newest(document.role), name=state.name, now=now):
                click.echo(f"  {line}")
            click.echo(f"  sha256 of what is signed: {document.payload_sha256}")
            if not yes and not click.confirm(f"Sign {document.filename} as {holder}?"):
                continue
            add_signatures(place, each, keyring)
            click.echo(f"Signed {document.filename}.")
        done = publish_complete(place)
    if not waiting:
        click.echo(f"Nothing waits for {holder}.")
    for document in done:
        click.echo(f"Complete: metadata/{document.filename} (sha256 {document.sha256}).")
    say_next(folder)


@ceremony.command()
@folder_argument
def status(folder: Path) -> None:
    """Say who signed, who is missing, what expires when, and what to do next."""
    from indexsite_client.ceremony.folder import Folder
    from indexsite_client.ceremony.telling import describe_status

    lines = describe_status(Folder(folder).load(), now=datetime.now(UTC))
    say([line.replace("FOLDER", str(folder)) for line in lines])


for each in (merge, export, open_archive, paper):
    ceremony.add_command(each)
