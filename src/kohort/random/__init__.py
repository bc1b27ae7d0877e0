"""Random numbers from explicit seeds, or from one global generator (`seed=None`)."""

from kohort.random.draw import (
    beta,
    binomial,
    categorical,
    dropout,
    gamma,
    normal,
    randint,
    shuffle,
    truncated_normal,
    uniform,
)
from kohort.random.seed import (
    SeedGenerator,
    draw_seed,
    get_random_seed,
    global_seed_generator,
    make_default_seed,
    reset_global_seed_generator,
    set_random_seed,
)
