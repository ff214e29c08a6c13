#include "server/daemon/report.h"

#include "server/daemon/access.h"
#include "server/daemon/handlers/conn_id.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { US_PER_MS = 1000 };

/* The kinds of lines for the throttle; the cause of the role is added to the first. */
enum { KIND_CLOSE = 0x200, KIND_PROBLEM = 0x300 };

static void add_if_known(struct log_line *line, const char *key, const char *text)
{
    if (text && text[0] != '\0')
        log_line_add(line, log_text(key, text));
}

static struct log_line begin(const struct report *report, const char *event)
{
    struct log_line line = {.count = 0};
    log_line_add(&line, log_text("service", report->service));
    if (report->number > 0)
        log_line_add(&line, log_number("conn", (int64_t)report->number));
    log_line_add(&line, log_text("event", event));
    return line;
}

static void finish(const struct report *report, enum config_log_level level, struct log_line *line)
{
    log_write(report->log, level, line->fields, line->count);
}

static void finish_by_template(const struct report *report, enum config_log_level level,
                               struct log_line *line)
{
    char text[ACCESS_TEXT_MAX];
    char stamp[LOG_STAMP_MAX];
    log_stamp(stamp);
    log_line_add(line, log_text("ts", stamp));
    log_line_add(line, log_text("level", log_level_name(level)));
    access_expand(report->access, line->fields, line->count, text, sizeof(text));
    log_write_text(report->log, level, text);
}

static void add_role(struct log_line *line, const actpass_info_t *info)
{
    log_line_add(line, log_text("role", actpass_role_name(info->role)));
    log_line_add(line, log_text("cause", actpass_cause_name(info->cause)));
}

/* Who sent the first byte. "nobody" if neither side has sent any. */
static void add_first_byte(struct log_line *line, const actpass_info_t *info)
{
    bool nobody = info->end == ACTPASS_UNUSED ||
                  (info->first_byte_us < 0 && info->sent == 0 && info->role != ACTPASS_ROLE_CLIENT);
    log_line_add(line, log_text("spoke_first", nobody                   ? "nobody"
                                               : info->peer_spoke_first ? "peer"
                                                                        : "we"));
    if (info->first_byte_us >= 0)
        log_line_add(line, log_number("first_byte_ms", info->first_byte_us / US_PER_MS));
}

void report_dial_failed(const struct report *report, const char *address, const char *why)
{
    struct log_line line = begin(report, "dial");
    log_line_add(&line, log_text("address", address));
    add_if_known(&line, "through", report->through);
    log_line_add(&line, log_text("error", why));
    finish(report, CONFIG_LOG_WARNING, &line);
}

void report_connected(const struct report *report, enum config_log_level level, const char *address)
{
    if (!log_enabled(report->log, level))
        return;
    actpass_info_t info;
    actpass_info(report->conn, &info);
    struct log_line line = begin(report, "connected");
    log_line_add(&line, log_text("address", address));
    add_if_known(&line, "through", report->through);
    log_line_add(&line, log_text("peer", info.peer_address));
    finish(report, level, &line);
}

void report_retry(const struct report *report, int64_t after_ms)
{
    struct log_line line = begin(report, "retry");
    log_line_add(&line, log_number("after_ms", after_ms));
    finish(report, CONFIG_LOG_INFO, &line);
}

void report_used(const struct report *report)
{
    struct log_line line = begin(report, "used");
    finish(report, CONFIG_LOG_DEBUG, &line);
}

void report_id(struct report *report)
{
    if (log_enabled(report->log, CONFIG_LOG_INFO))
        (void)conn_id(report->conn, report->id);
}

void report_role(const struct report *report)
{
    if (!log_enabled(report->log, CONFIG_LOG_DEBUG))
        return;
    actpass_info_t info;
    actpass_info(report->conn, &info);
    struct log_line line = begin(report, "role");
    add_role(&line, &info);
    log_line_add(&line, log_number("after_ms", info.decided_us / US_PER_MS));
    if (info.cause != ACTPASS_CAUSE_CONFIGURED)
        add_first_byte(&line, &info);
    log_line_add(&line, log_text("peer", info.peer_address));
    finish(report, CONFIG_LOG_DEBUG, &line);
}

/* Peers that we dialed come from the configuration, so each line about them is written. */
static bool take_line(const struct report *report, const actpass_info_t *info, unsigned kind)
{
    struct throttle *throttle = log_throttle(report->log);
    return !throttle || report->dialed ||
           throttle_take(throttle, info->peer_address, (uint16_t)kind);
}

/* What a peer asks of a proxy may fail as often as it likes. */
void report_problem(const struct report *report, const char *problem)
{
    actpass_info_t info;
    if (!log_enabled(report->log, CONFIG_LOG_WARNING))
        return;
    actpass_info(report->conn, &info);
    if (!take_line(report, &info, KIND_PROBLEM)) {
        throttle_note_suppressed(log_throttle(report->log));
        return;
    }
    struct log_line line = begin(report, "backend");
    log_line_add(&line, log_text("error", problem));
    finish(report, CONFIG_LOG_WARNING, &line);
}

static bool is_port_scan(const struct report *report, const actpass_info_t *info)
{
    return !report->dialed &&
           (info->end == ACTPASS_UNUSED || info->cause == ACTPASS_CAUSE_CLOSED_BEFORE_FIRST_BYTE);
}

/* A handshake that we have cut off is no failure. */
static enum config_log_level close_level(const struct report *report, const actpass_info_t *info)
{
    bool fails = info->protocol[0] == '\0' && info->end != ACTPASS_CANCELLED;
    if (is_port_scan(report, info))
        return CONFIG_LOG_DEBUG;
    return fails || info->end == ACTPASS_REFUSED ? CONFIG_LOG_WARNING : CONFIG_LOG_INFO;
}

/* With a template, the count of lines that were left out has a line of its own. */
static void finish_close(const struct report *report, enum config_log_level level,
                         struct log_line *line)
{
    struct throttle *throttle = log_throttle(report->log);
    unsigned long suppressed = throttle ? throttle_take_suppressed(throttle) : 0;
    if (report->access) {
        finish_by_template(report, level, line);
        *line = begin(report, "suppressed");
    }
    if (suppressed > 0)
        log_line_add(line, log_number("suppressed", (int64_t)suppressed));
    if (!report->access || suppressed > 0)
        finish(report, level, line);
}

static void add_result(struct log_line *line, const actpass_info_t *info, int64_t duration_us)
{
    log_line_add(line, log_text("reason", actpass_end_name(info->end)));
    log_line_add(line, log_number("rx", (int64_t)info->received));
    log_line_add(line, log_number("tx", (int64_t)info->sent));
    log_line_add(line, log_number("dur_ms", duration_us / US_PER_MS));
    add_role(line, info);
    bool decided = info->role == ACTPASS_ROLE_CLIENT || info->role == ACTPASS_ROLE_SERVER;
    if (decided && info->cause != ACTPASS_CAUSE_CONFIGURED)
        log_line_add(line, log_number("role_ms", info->decided_us / US_PER_MS));
    add_first_byte(line, info);
}

/* Where the connection came from, and where it went. */
static void add_places(struct log_line *line, const struct report *report,
                       const actpass_info_t *info)
{
    log_line_add(line, log_text("peer", info->peer_address));
    add_if_known(line, "proxy", report->proxy);
    if (report->dialed)
        add_if_known(line, "address", actpass_dialed_address(report->conn));
    add_if_known(line, "through", report->through);
    add_if_known(line, "sni", info->server_name);
    add_if_known(line, "route", report->route);
    add_if_known(line, "handler", report->handler);
    add_if_known(line, "backend", report->backend);
    add_if_known(line, "backend_address", report->backend_address);
}

static void add_join(struct log_line *line, const struct report *report)
{
    if (!report->reached)
        return;
    log_line_add(line, log_text("reached", report->reached));
    log_line_add(line, log_text("by", report->by));
    log_line_add(line, log_number("joined", (int64_t)report->joined));
}

static void add_tls(struct log_line *line, const struct report *report, const actpass_info_t *info)
{
    if (report->up_us > 0)
        log_line_add(line, log_number("handshake_ms", report->up_us / US_PER_MS));
    add_if_known(line, "protocol", info->protocol);
    add_if_known(line, "cipher", info->cipher);
    add_if_known(line, "group", info->group);
    add_if_known(line, "alpn", info->alpn);
    add_if_known(line, "id", report->id);
    if (info->resumed)
        log_line_add(line, log_number("resumed", 1));
    if (info->syn_data)
        log_line_add(line, log_number("syn_data", 1));
}

const char *report_error(const struct report *report)
{
    bool aborted = report->why && actpass_ended(report->conn) == ACTPASS_CANCELLED;
    return aborted ? report->why : actpass_error(report->conn);
}

void report_close(const struct report *report, int64_t duration_us)
{
    actpass_info_t info;
    actpass_info(report->conn, &info);
    if (!log_enabled(report->log, close_level(report, &info)))
        return;
    bool shook_hands = info.protocol[0] != '\0';
    if (!shook_hands && !take_line(report, &info, KIND_CLOSE + info.cause)) {
        throttle_note_suppressed(log_throttle(report->log));
        return;
    }
    struct log_line line = begin(report, "close");
    add_result(&line, &info, duration_us);
    add_places(&line, report, &info);
    add_join(&line, report);
    add_tls(&line, report, &info);
    add_if_known(&line, "error", report_error(report));
    add_if_known(&line, "subject", info.peer_subject);
    add_if_known(&line, "fingerprint", info.peer_fingerprint);
    add_if_known(&line, "ocsp", info.peer_ocsp);
    finish_close(report, close_level(report, &info), &line);
}

void report_library(const struct report *report, const char *problem)
{
    static const char ocsp[] = "ocsp: ";
    bool about_ocsp = strncmp(problem, ocsp, strlen(ocsp)) == 0;
    struct log_line line = begin(report, about_ocsp ? "ocsp" : "sessions");
    log_line_add(&line, log_text("error", problem + (about_ocsp ? strlen(ocsp) : 0)));
    finish(report, CONFIG_LOG_WARNING, &line);
}

void report_program_started(const struct report *report, const char *command, int64_t pid)
{
    struct log_line line = begin(report, "program");
    log_line_add(&line, log_text("program", command));
    log_line_add(&line, log_number("pid", pid));
    log_line_add(&line, log_text("state", "started"));
    finish(report, CONFIG_LOG_DEBUG, &line);
}

void report_program_ended(const struct report *report, const char *command, int64_t pid, int status)
{
    struct log_line line = begin(report, "program");
    log_line_add(&line, log_text("program", command));
    log_line_add(&line, log_number("pid", pid));
    log_line_add(&line, log_text("state", "ended"));
    if (WIFSIGNALED(status))
        log_line_add(&line, log_number("signal", WTERMSIG(status)));
    else
        log_line_add(&line, log_number("status", WEXITSTATUS(status)));
    finish(report, CONFIG_LOG_INFO, &line);
}

void report_program_line(const struct report *report, const char *text, int64_t left_out)
{
    struct log_line line = begin(report, "stderr");
    log_line_add(&line, log_text("text", text));
    if (left_out > 0)
        log_line_add(&line, log_number("suppressed", left_out));
    finish(report, CONFIG_LOG_INFO, &line);
}

void report_no_spawner(struct log *log)
{
    const struct log_field fields[] = {
        log_text("event", "programs"),
        log_text("error", "the process that starts programs has ended: no connection of \"exec\" "
                          "can be served any more, restart actpass")};
    log_write(log, CONFIG_LOG_ERROR, fields, sizeof(fields) / sizeof(fields[0]));
}

void report_spawner_hangs(struct log *log)
{
    const struct log_field fields[] = {
        log_text("event", "programs"),
        log_text("error", "the process that starts programs (actpass-spawner) does not answer in "
                          "time, so connections of \"exec\" are closed: look what it waits for, or "
                          "restart actpass")};
    log_write(log, CONFIG_LOG_ERROR, fields, sizeof(fields) / sizeof(fields[0]));
}

void report_dropped(const struct report *report, int error)
{
    struct log_line line = begin(report, "dropped");
    log_line_add(&line, log_text("error", strerror(error)));
    finish(report, CONFIG_LOG_WARNING, &line);
}

/* EAGAIN is the usual one, and its own text says nothing. */
void report_no_thread(struct log *log, int error)
{
    static const char limited[] = "no thread can be started: raise the limit of processes (ulimit "
                                  "-u, TasksMax); connections that block may hold up others";
    const struct log_field fields[] = {
        log_text("event", "threads"),
        log_text("error", error == EAGAIN ? limited : strerror(error))};
    log_write(log, CONFIG_LOG_WARNING, fields, sizeof(fields) / sizeof(fields[0]));
}

void report_joins_full(const struct report *report, uint64_t max)
{
    const struct log_field fields[] = {
        log_text("service", report->service), log_text("event", "full"),
        log_number("joins", (int64_t)max),
        log_text("error", "no descriptor is left for one more join: raise the limit (ulimit -Hn, "
                          "LimitNOFILE=), or lower max_connections")};
    log_write(report->log, CONFIG_LOG_WARNING, fields, sizeof(fields) / sizeof(fields[0]));
}

void report_refused(const struct report *report, enum refusal refusal,
                    const struct sockaddr_storage *peer)
{
    char host[INET6_ADDRSTRLEN + 16] = "?"; /* room for a scope, too */
    (void)getnameinfo((const struct sockaddr *)(const void *)peer, sizeof(*peer), host,
                      sizeof(host), NULL, 0, NI_NUMERICHOST);
    struct log_line line = begin(report, "refused");
    log_line_add(&line, log_text("limit", refusal_name(refusal)));
    log_line_add(&line, log_text("peer", host));
    add_if_known(&line, "proxy", report->proxy);
    finish(report, CONFIG_LOG_WARNING, &line);
}
