# finally runs on every way out; what was handled before is put back.
def guarded(f):
    try:
        return f()
    except ValueError as e:
        return e
    finally:
        f(1)
