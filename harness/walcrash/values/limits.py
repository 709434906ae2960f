"""Limits: every loop, queue, retry and buffer has its bound here, with its unit in the name."""

ID_BYTES = 64 * 1024
"""Longest record id that the harness handles, encoded as UTF-8."""

PAYLOAD_BYTES = 64 * 1024 * 1024
"""Longest payload that the harness handles."""

MESSAGE_BYTES = 256 * 1024 * 1024
"""Longest message from a worker; a longer one is malformed."""

REQUEST_BYTES = 4 * 1024 * 1024 * 1024
"""Longest message of the harness to its own processes, and of a zygote to the harness."""

BOOTS_PER_CASE = 64
"""Most boots that a scenario may ask for."""

CLOCK_BACK = 10
"""In so many of 100 cases the wall clock goes back, where a scenario does not say."""

OPERATIONS_PER_BOOT = 100_000
"""Most operations that a scenario may ask for in one boot."""

FAULTS_PER_CASE = 1_000
"""Most faults that are injected into the boots of one case."""

FAULT_TIMES = 1_000
"""Most calls in a row that one injected fault hits, where it does not hit all."""

CLOCK_SHIFT_SECONDS = 50 * 365 * 86_400
"""Furthest that the wall clock of a boot is ahead or behind, seconds: fifty years."""

SLOW_MS = 60_000
"""Longest time that one injected slow call takes, milliseconds of virtual time."""

INJECTED_PER_CALL = 1_000
"""Most injected errors in one operation; whoever makes more of the same calls never gives up."""

EVENTS_PER_BOOT = 5_000_000
"""Most events that one boot may record before the case is stopped as inconclusive."""

BYTES_PER_BOOT = 512 * 1024 * 1024
"""Most bytes that one boot may write under watch before it is stopped."""

BYTES_PER_CASE = 1024 * 1024 * 1024
"""Most bytes that the boots of one case may write under watch, before another one: they are kept
in memory until the case is judged."""

TICKS_AFTER_RECOVERY = 3
"""Ticks in which a recovered subject must have sent everything that is due."""

STDERR_BYTES = 64 * 1024
"""How much of a worker's stderr is kept, from its end."""

JOBS_PER_CAMPAIGN = 256
"""Most processes that run the cases of one campaign."""

CASES_PER_SCENARIO = 1_000_000_000
"""Most cases of one scenario in one campaign."""

CASES_OF_A_RUN = 30
"""Fewest cases that a run of a scenario should have, so that its cases differ enough."""

SECONDS_PER_CAMPAIGN = 30 * 24 * 3600.0
"""Longest time budget of one campaign."""

INTEGER_64 = 2**63
"""Times are signed 64 bits: at least minus this, and below it."""

SEEDS = 2**64
"""Seeds are below this."""

KEPT_CASES = 50
"""Most kept cases of one scenario that are run with a campaign; fixed ones come last."""
