"""Steps of the free body's build; see `build_free_body.py` beside this folder."""
