"""Rules of the code base that a linter does not know (CONTRIBUTING.md)."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'whmr'
MAX_LINES = 500

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: str) -> list[Path]:
    """All Python files below the given folders of the repository."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob('*.py'))


@cache
def parse(path: Path) -> ast.Module:
    """The syntax tree of one file."""
    return ast.parse(path.read_text(encoding='utf-8'), filename=str(path))


def where(path: Path, node: ast.AST) -> str:
    """File and line, as an editor takes them."""
    return f'{path.relative_to(ROOT)}:{node.lineno}'


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    """Every call in a file."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def called_name(call: ast.Call) -> str:
    """`f` of `f(...)`, `a.b.f` of `a.b.f(...)`."""
    return ast.unparse(call.func)


def functions(tree: ast.Module) -> Iterator[Function]:
    """Every function in a file."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def find_prints(tree: ast.Module) -> list[ast.AST]:
    """Calls of print: the package logs."""
    return [call for call in calls(tree) if called_name(call) == 'print']


def find_kwargs(tree: ast.Module) -> list[ast.AST]:
    """Functions that take whatever name they are given."""
    return [function for function in functions(tree) if function.args.kwarg is not None]


def find_cuda(tree: ast.Module) -> list[ast.AST]:
    """Strings that choose a CUDA device.

    Asking what a device is (a comparison) is fine, and so are a command line's `choices=`.
    """
    asked = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        or (isinstance(node, ast.keyword) and node.arg == 'choices')
        for part in ast.walk(node)
    }
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and (node.value == 'cuda' or node.value.startswith('cuda:'))
        and id(node) not in asked
    ]


def find_unsafe_loads(tree: ast.Module) -> list[ast.AST]:
    """Loading that could run code from a file, and torch.load that does not say it cannot."""
    found: list[ast.AST] = []
    for call in calls(tree):
        values = {
            keyword.arg: keyword.value.value
            for keyword in call.keywords
            if isinstance(keyword.value, ast.Constant)
        }
        name = called_name(call)
        opened = values.get('allow_pickle') is True or values.get('weights_only') is False
        pickled = name in {'pickle.load', 'pickle.loads', 'joblib.load'}
        unsaid = name == 'torch.load' and values.get('weights_only') is not True
        if opened or pickled or unsaid:
            found.append(call)
    return found


def find_unfinished(tree: ast.Module) -> list[ast.AST]:
    """Functions that only say that they are not written."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise)
        and node.exc is not None
        and 'NotImplementedError' in ast.unparse(node.exc)
    ]


def find_undocumented(tree: ast.Module) -> list[ast.AST]:
    """Public classes, functions and methods without a docstring.

    The `Shapes:` block of a module's class speaks for its `forward`; an overload or a setter has
    its words elsewhere.
    """
    found: list[ast.AST] = []

    def visit(body: list[ast.stmt], inside: ast.ClassDef | None = None) -> None:
        for node in body:
            if not isinstance(node, (ast.ClassDef, *Function.__args__)):
                continue
            if node.name.startswith('_'):
                continue
            if node.name == 'forward' and inside is not None and ast.get_docstring(inside):
                continue
            marks = {ast.unparse(mark).split('.')[-1] for mark in node.decorator_list}
            if ast.get_docstring(node) is None and not marks & {'overload', 'setter', 'deleter'}:
                found.append(node)
            if isinstance(node, ast.ClassDef):
                visit(node.body, node)

    visit(tree.body)
    return found


def find_wide_constructors(tree: ast.Module) -> list[ast.AST]:
    """Constructors of registered classes with more than two positional arguments."""
    found: list[ast.AST] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        if not any('register_module' in ast.unparse(mark) for mark in node.decorator_list):
            continue
        for function in node.body:
            if isinstance(function, ast.FunctionDef) and function.name == '__init__':
                positional = [*function.args.posonlyargs, *function.args.args]
                if len(positional) > 3 or function.args.vararg is not None:  # self and two
                    found.append(function)
    return found


def find_renamed(tree: ast.Module) -> list[ast.AST]:
    """Classes that are registered under another name than their own."""
    return [
        call
        for call in calls(tree)
        if called_name(call).endswith('register_module')
        and (call.args or {keyword.arg for keyword in call.keywords} & {'name'})
    ]


RULES = {
    'no print in the package': (find_prints, ('whmr',)),
    'no **kwargs': (find_kwargs, ('whmr',)),
    'no CUDA device named': (find_cuda, ('whmr',)),
    'no unsafe loading': (find_unsafe_loads, ('whmr', 'tools', 'benchmarks', 'examples')),
    'nothing unfinished': (find_unfinished, ('whmr', 'tools')),
    'everything public has a docstring': (find_undocumented, ('whmr', 'examples')),
    'keyword-only after two arguments': (find_wide_constructors, ('whmr', 'examples')),
    'registered name = class name': (find_renamed, ('whmr', 'examples')),
}

# (rule, source, does the rule find something)
SAMPLES = [
    ('no print in the package', 'print(1)', True),
    ('no print in the package', 'print_log(1)', False),
    ('no **kwargs', 'def f(a, **kwargs): pass', True),
    ('no **kwargs', 'def f(a, *, b=1): return g(**b)', False),
    ('no CUDA device named', "x.to('cuda')", True),
    ('no CUDA device named', "torch.device('cuda:0')", True),
    ('no CUDA device named', "if device.type == 'cuda': pass", False),
    ('no CUDA device named', "parser.add_argument('--device', choices=('cpu', 'cuda'))", False),
    ('no CUDA device named', '"""Runs on cuda."""', False),
    ('no unsafe loading', 'np.load(path, allow_pickle=True)', True),
    ('no unsafe loading', 'np.load(path, allow_pickle=False)', False),
    ('no unsafe loading', 'torch.load(path, weights_only=False)', True),
    ('no unsafe loading', 'torch.load(path)', True),
    ('no unsafe loading', 'torch.load(path, weights_only=True)', False),
    ('no unsafe loading', 'pickle.load(file)', True),
    ('nothing unfinished', 'def f(): raise NotImplementedError', True),
    ('nothing unfinished', 'def f(): raise ValueError(1)', False),
    ('everything public has a docstring', 'def f(): pass', True),
    ('everything public has a docstring', 'class A:\n    """A."""\n    def b(self): pass', True),
    ('everything public has a docstring', 'class A:\n    """A."""\n    def _b(self): pass', False),
    ('everything public has a docstring', 'def f():\n    """F."""\n    def g(): pass', False),
    (
        'keyword-only after two arguments',
        '@HEADS.register_module()\nclass A:\n    def __init__(self, a, b, c): pass',
        True,
    ),
    (
        'keyword-only after two arguments',
        '@HEADS.register_module()\nclass A:\n    def __init__(self, a, b, *, c): pass',
        False,
    ),
    ('registered name = class name', "@HEADS.register_module('B')\nclass A: pass", True),
    ('registered name = class name', "@HEADS.register_module(name='B')\nclass A: pass", True),
    ('registered name = class name', '@HEADS.register_module()\nclass A: pass', False),
]


@pytest.mark.parametrize('rule', RULES)
def test_rule_holds(rule: str) -> None:
    find, folders = RULES[rule]
    problems = [where(path, node) for path in python_files(*folders) for node in find(parse(path))]
    assert not problems, f'{rule}:\n' + '\n'.join(problems)


@pytest.mark.parametrize(('rule', 'source', 'found'), SAMPLES)
def test_rule_tells_bad_from_good(rule: str, source: str, found: bool) -> None:
    assert bool(RULES[rule][0](ast.parse(source))) is found


def test_files_are_short() -> None:
    files = python_files('whmr', 'tools', 'tests', 'benchmarks', 'examples')
    lengths = {path: len(path.read_text(encoding='utf-8').splitlines()) for path in files}
    long = {str(p.relative_to(ROOT)): n for p, n in lengths.items() if n > MAX_LINES}
    assert not long, f'longer than {MAX_LINES} lines: {long}'


def test_no_file_says_todo() -> None:
    words = ('TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X')
    folders = ('whmr', 'tools', 'tests', 'benchmarks', 'examples', 'configs')
    found = [
        f'{path.relative_to(ROOT)}: {word}'
        for path in python_files(*folders)
        for word in words
        if word in path.read_text(encoding='utf-8')
    ]
    assert not found, '\n'.join(found)


@cache
def package_modules() -> list[ModuleType]:
    """Every module of the package, imported."""
    import whmr

    names = [info.name for info in pkgutil.walk_packages(whmr.__path__, 'whmr.')]
    return [whmr, *map(importlib.import_module, names)]


def test_every_folder_of_the_package_is_a_package() -> None:
    folders = {path.parent for path in PACKAGE.rglob('*.py')}
    bare = [str(f.relative_to(ROOT)) for f in folders if not (f / '__init__.py').is_file()]
    assert not bare, f'no __init__.py in {bare}'


def test_public_names_exist() -> None:
    problems = []
    for module in package_modules():
        is_package = hasattr(module, '__path__')
        if is_package and not hasattr(module, '__all__'):
            problems.append(f'{module.__name__} has no __all__')
        for name in getattr(module, '__all__', []):
            if not hasattr(module, name):
                problems.append(f'{module.__name__}.__all__ names {name}, which does not exist')
        if len(set(getattr(module, '__all__', []))) != len(getattr(module, '__all__', [])):
            problems.append(f'{module.__name__}.__all__ names something twice')
    assert not problems, '\n'.join(problems)


def registered() -> Iterator[tuple[str, str, type, list[str]]]:
    """(registry, name, class, the packages that the registry builds from)."""
    from mmengine.registry import Registry

    import whmr.registry as module

    package_modules()
    for registry in vars(module).values():
        if isinstance(registry, Registry) and registry.scope == module.SCOPE:
            for name, cls in registry.module_dict.items():
                if cls.__module__.startswith('whmr.'):
                    yield registry.name, name, cls, registry._locations


def test_registered_classes_are_where_their_registry_says() -> None:
    problems = []
    for registry, name, cls, locations in registered():
        if name != cls.__name__:
            problems.append(f'{registry}: {cls.__name__} is registered as {name}')
        if not cls.__module__.startswith(tuple(f'{location}.' for location in locations)):
            problems.append(f'{registry}: {cls.__module__}.{name} is not in {locations}')
        folder = cls.__module__.rpartition('.')[0]
        if name not in getattr(sys.modules[folder], '__all__', []):
            problems.append(f'{registry}: {folder} does not export {name}')
    assert not problems, '\n'.join(problems)


def test_registries_find_their_classes_by_themselves() -> None:
    done = run_python(
        'import whmr.registry as r\n'
        'from mmengine.registry import Registry\n'
        'own = lambda x: isinstance(x, Registry) and x.scope == r.SCOPE\n'
        'for registry in filter(own, list(vars(r).values())):\n'
        '    registry.import_from_location()\n'
        '    for name in registry.module_dict:\n'
        '        print(f"{registry.name}/{name}")\n'
    )
    assert done.returncode == 0, done.stderr
    everything = {f'{registry}/{name}' for registry, name, _, _ in registered()}
    assert not everything - set(done.stdout.splitlines())


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    """Run a line of Python in a fresh interpreter, from the repository's root."""
    return subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_importing_the_package_is_cheap() -> None:
    done = run_python(
        'import sys, time; start = time.perf_counter(); import whmr; '
        'assert "torch" not in sys.modules; print(time.perf_counter() - start)'
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 3


def test_missing_mmcv_is_said_clearly() -> None:
    done = run_python('import sys; sys.modules["mmcv"] = None; import whmr')
    assert done.returncode != 0
    assert 'pip install mmcv-lite' in done.stderr.splitlines()[-1]
