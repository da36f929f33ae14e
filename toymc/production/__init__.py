"""Running at scale: the chunk plan, the workers, and the jobs built on them."""
