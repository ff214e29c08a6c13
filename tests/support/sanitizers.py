"""The environment variables that configure the sanitizers, and the files of their reports."""
import glob
import os

LEAKED = 23  # exit status of a program that leaked and did nothing worse


def environment(report):
    """The environment in which every sanitizer writes to REPORT.PID and fails the program."""
    common = 'log_path=%s:' % os.path.abspath(report)
    return dict(
        os.environ,
        # They write files, read all of /proc, trace and fork.
        ACTPASS_SANDBOX='off',
        ASAN_OPTIONS=common + 'detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=1',
        LSAN_OPTIONS=common + 'exitcode=%d' % LEAKED,
        UBSAN_OPTIONS=common + 'print_stacktrace=1',
        # Crashes stay signals, so that mini_criterion sees them as such.
        TSAN_OPTIONS=common + 'exitcode=66:halt_on_error=0:second_deadlock_stack=1:handle_segv=0:'
                              'handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0')


def reports(report):
    return sorted(glob.glob(glob.escape(report) + '.*'))


def forget_reports(report):
    for old in reports(report):
        os.unlink(old)
