"""Which build is tested, where the target says so; and that it is the same target from the first request to the last."""

from gate.api import Inconclusive, Lacking, Phase, control, must_answer, observe, pick, require

START = "build at the start"


def build_of(seen, t):
    """What the target calls itself."""
    found = pick(t.profile.build.field, must_answer(seen).json())
    require(isinstance(found, str | int) and str(found).strip(), f"a build in the field '{t.profile.build.field}'", f"{found!r:.80}")
    return str(found)


@control(
    "PRE-004",
    "The target says which build it is",
    severity="high",
    criterion="gate",
    phase=Phase.PREFLIGHT,
    refs=["DESIGN 8"],
    feature="build",
    covers=("A12",),
    why="Evidence about an unknown build cannot be tied to what is released.",
    mend="Serve the commit or image digest at the path that the profile names, or correct the profile's [build].",
)
@observe(lambda t: t.get(t.profile.build.path, t.weakest, note=START))
def test_build_is_told(observed, t, run):
    run.fact("build", build_of(observed, t))


def at_the_end(t):
    """One more look at the build, or, where only TLS can tell, one more connection."""
    if t.profile.has("build"):
        return t.get(t.profile.build.path, t.weakest, fresh=True, note="build at the end")
    if t.settings.base_url.startswith("https://") and t.profile.has("health"):
        return t.get(t.profile.health.path, fresh=True, note="TLS key at the end")
    raise Lacking("nothing tells this target from another one: it has no TLS, and the profile names no [build] endpoint")


@control(
    "RUN-003",
    "The target at the end of the run is the one that it began with",
    severity="critical",
    criterion="gate",
    phase=Phase.CLOSING,
    refs=["DESIGN 8"],
    covers=("A12",),
    why="If a deployment, a failover or a DNS change came in between, the findings are about two services, and about neither as a whole.",
    mend="Run again when nothing is being deployed; where several machines answer with keys of their own, give them one.",
)
@observe(at_the_end)
def test_same_target(observed, t, run):
    must_answer(observed)
    keys = run.client.identity["spki_seen"]
    if len(keys) > 1:
        raise Inconclusive(f"{len(keys)} TLS keys answered during the run: {', '.join(key[:16] for key in keys)}")
    if t.profile.has("build"):
        before, after = str(run.facts.get("build")), build_of(observed, t)
        if before != after:
            raise Inconclusive(f"the build changed during the run, from {before:.80} to {after:.80}")
