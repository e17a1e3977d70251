"""Campaign files: YAML to domain values and back, their check and their published JSON Schema.

`engine`, `demo` and `cli` may import this room. It knows files and lines, and nothing of
databases or mail, so that `nurture check` runs on a laptop or in CI without either, and names
every fault in one go.
"""
