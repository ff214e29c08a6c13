"""One test method for many values: @each(role=ROLES, version=VERSIONS) makes one test per pair."""
import itertools

ROLES = ("server", "client")  # actpass's
VERSIONS = ("1.2", "1.3")


def each(**axes):
    def mark(method):
        method.axes = axes
        return method
    return mark


def _bind(method, values):
    def test(self):
        method(self, **values)
    test.__doc__ = method.__doc__
    return test


def expand(cls):
    """Puts a method for each combination in the place of those marked with @each."""
    for name, method in list(vars(cls).items()):
        axes = getattr(method, "axes", None)
        if not axes:
            continue
        delattr(cls, name)
        for combination in itertools.product(*axes.values()):
            values = dict(zip(axes, combination))
            ending = "_".join(str(value).replace(".", "").replace(" ", "_").replace("-", "_")
                              for value in combination)
            setattr(cls, f"{name}__{ending}", _bind(method, values))
