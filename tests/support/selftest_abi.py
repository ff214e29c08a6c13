"""Cases of selftest.py: what abi.py says of functions that come, go and change.

The library is a small one, compiled with a version script, of which each case changes one thing.
"""
import functools
import os
import subprocess

import abi

HEADER = '''
#define ACTPASS_API __attribute__((visibility("default")))
struct box { int width; LONGER };
ACTPASS_API int actpass_one(struct box *box);
/* ACTPASS_API int actpass_commented(void); */
ACTPASS_API const char *actpass_two(
    int number);
'''
SOURCE = '''
#include "actpass.h"
int actpass_one(struct box *box) { return box->width; }
const char *actpass_two(int number) { return number ? "" : 0; }
'''
SCRIPT = 'ACTPASS_0.2 {\n    global:\n        actpass_one;\n        actpass_two;\n    local:\n        *;\n};\n'
THIRD = 'ACTPASS_API int actpass_three(void);\n'
THIRD_SOURCE = 'int actpass_three(void) { return 3; }\n'


def build(folder, header=HEADER, source=SOURCE, script=SCRIPT):
    """Answers the library, beside its header."""
    os.makedirs(folder)
    files = {'actpass.h': header.replace('LONGER', ''), 'source.c': source, 'script.map': script}
    for name, text in files.items():
        with open(os.path.join(folder, name), 'w', encoding='utf-8') as out:
            out.write(text)
    library = os.path.join(folder, 'lib.so')
    subprocess.run(['gcc', '-g', '-shared', '-fPIC', '-fvisibility=hidden', '-I', folder,
                    '-Wl,--version-script=%s/script.map' % folder, folder + '/source.c', '-o', library],
                   check=True)
    return library


def symbols(expected, folder, header=HEADER, source=SOURCE, script=SCRIPT):
    """`expected` is a part of the one difference that is found, or "" for none."""
    library = build(folder, header, source, script)
    found = list(abi.differences(abi.declared([header]), abi.listed(script), abi.exported(library)))
    right = not found if not expected else len(found) == 1 and expected in found[0]
    return '' if right else 'expected %r, found %s' % (expected, found)


def types(changed, new, folder, before=None, **differently):
    """Both are parts of what is said, or "" for nothing."""
    description = folder + '.abi'
    abi.describe(build(folder + '.old', **(before or {})), description, folder + '.old')
    found = abi.types_differ(build(folder, **differently), description, folder)
    right = all(part in text if part else not text for part, text in zip((changed, new), found))
    return '' if right else 'expected %r and %r, found %s' % (changed, new, found)


def updated(_):
    """What is new and what is gone is of the last node alone."""
    first = SCRIPT.replace('        actpass_two;\n', '')
    last = 'ACTPASS_0.3 {\n    global:\n        %s\n} ACTPASS_0.2;\n'
    text = abi.updated(first + last % 'actpass_gone;', {'actpass_one', 'actpass_two'})
    return '' if text == first + last % 'actpass_two;' else text


def cases():
    """Names and functions, each of which takes a folder and answers what is wrong."""
    make = functools.partial
    more = {'header': HEADER + THIRD, 'source': SOURCE + THIRD_SOURCE}
    script = abi.updated(SCRIPT, {'actpass_one', 'actpass_two', 'actpass_three'})
    second = SCRIPT.replace('        actpass_two;\n', '') + \
        'ACTPASS_0.3 {\n    global:\n        actpass_two;\n} ACTPASS_0.2;\n'
    grown = {'header': HEADER.replace('LONGER', 'int depth;')}
    sized = {'header': HEADER.replace('struct box {', 'typedef struct {')
                             .replace('};', '} actpass_info_t;').replace('struct box *', 'actpass_info_t *'),
             'source': SOURCE.replace('struct box *', 'actpass_info_t *')}
    at_end, in_front = ({**sized, 'header': sized['header'].replace(old, new)} for old, new in
                        (('LONGER', 'int depth;'), ('{ int', '{ int depth; int')))
    gone = {'header': HEADER[:HEADER.index('/*')], 'source': SOURCE[:SOURCE.index('const')],
            'script': SCRIPT.replace('        actpass_two;\n', '')}
    return [
        ('abi_agrees', make(symbols, '')),
        ('abi_two_nodes', make(symbols, '', script=second)),
        ('abi_not_in_the_script', make(symbols, 'actpass_three: is declared, but not in', **more)),
        ('abi_not_in_the_headers', make(symbols, 'actpass_three: is in', script=script)),
        ('abi_not_in_the_library', make(symbols, 'does not export it', header=HEADER + THIRD,
                                        script=script)),
        ('abi_update', updated),
        ('abi_same_types', make(types, '', '')),
        ('abi_new_function', make(types, '', 'actpass_three', **more, script=script)),
        ('abi_other_type', make(types, 'actpass_one', '', **grown)),
        ('abi_sized_at_end', make(types, '', '', before=sized, **at_end)),
        ('abi_sized_in_front', make(types, 'actpass_one', '', before=sized, **in_front)),
        ('abi_no_function', make(types, 'actpass_two', '', **gone)),
    ]
