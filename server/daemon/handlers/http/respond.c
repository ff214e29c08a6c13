#include "server/daemon/handlers/http/respond.h"

#include "server/daemon/handlers/http/answer.h"
#include "server/daemon/handlers/http/date.h"
#include "server/daemon/handlers/http/file.h"
#include "server/daemon/handlers/http/guard.h"
#include "server/daemon/handlers/http/select.h"
#include "server/daemon/handlers/http/type.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The file of a request. */
struct found {
    struct http_file file;
    bool is_protected;
    int status;            /* the refusal's status code */
    struct error_text why; /* why it was refused; "": the sentence of the status */
};

enum outcome {
    FOUND_FILE,   /* FILE is open */
    FOUND_FOLDER, /* a folder named without its slash; nothing is open */
    REFUSED,      /* with STATUS; nothing is open */
    CLOSED        /* the connection has ended; nothing is open */
};

static struct http_answer answer_of(struct http *http)
{
    return (struct http_answer){.at = http->buffers->output, .size = sizeof(http->buffers->output)};
}

static void take_answer(struct http *http, const struct http_answer *answer)
{
    http->output = HTTP_NO_OUTPUT;
    http->output.length = answer->length;
}

void http_respond_page(struct http *http, int status, const struct http_request *request,
                       const char *more, const char *sentence)
{
    struct http_answer answer = answer_of(http);
    http_answer_page(&answer, status, request, more, sentence ? sentence : http_sentence(status));
    take_answer(http, &answer);
}

/* ---- Finding the file ---------------------------------------------------------------------- */

static void close_file(struct found *found)
{
    if (found->file.fd >= 0)
        close(found->file.fd);
    found->file.fd = -1;
}

/* Closes the file, too, if there is one. */
static enum outcome refuse(struct found *found, int status)
{
    close_file(found);
    found->status = status;
    return REFUSED;
}

/* FOUND_FILE: the peer may see it. */
static enum outcome check_access(struct http *http, const struct http_protection *protection,
                                 struct found *found)
{
    if (protection->exact || protection->folded)
        found->is_protected = true;
    switch (http_guard_check(http->conn, protection, &http->refused, &found->why)) {
    case HTTP_ACCESS_GRANTED:
        return FOUND_FILE;
    case HTTP_ACCESS_DENIED:
        return refuse(found, 403);
    case HTTP_ACCESS_CLOSED:
        break;
    }
    close_file(found);
    return CLOSED;
}

/* A symbolic link must not lead into a protected part from outside it. */
static enum outcome check_place(struct http *http, int root,
                                const struct http_protection *protection, struct found *found)
{
    char *place = http->buffers->place;
    if (http->config->protected_count == 0)
        return FOUND_FILE;
    if (!http_file_place(root, &found->file, place, sizeof(http->buffers->place)))
        return refuse(found, 404);
    struct http_protection there = http_guard_find(http->guard, place);
    bool same = there.exact == protection->exact && there.folded == protection->folded;
    return same ? FOUND_FILE : check_access(http, &there, found);
}

/* Access is checked first, so that a peer that may not see a file does not learn whether it
 * exists. */
static enum outcome open_below(struct http *http, int root, struct found *found)
{
    struct http_protection protection = http_guard_find(http->guard, http->buffers->path);
    enum outcome outcome = check_access(http, &protection, found);
    if (outcome != FOUND_FILE)
        return outcome;
    int status = http_file_open(root, http->buffers->path, &found->file);
    if (status != 200)
        return refuse(found, status);
    return check_place(http, root, &protection, found);
}

/* Opens the index file in place of its folder. */
static enum outcome open_index(struct http *http, int root, struct found *found)
{
    const char *index = http->config->index;
    char *path = http->buffers->path;
    size_t length = strlen(path);
    close_file(found);
    if (index[0] == '\0' || length + strlen(index) >= sizeof(http->buffers->path))
        return refuse(found, 404);
    memcpy(path + length, index, strlen(index) + 1);
    enum outcome outcome = open_below(http, root, found);
    return outcome == FOUND_FILE && found->file.folder ? refuse(found, 404) : outcome;
}

static int status_of_root(void)
{
    return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? 503 : 500;
}

static enum outcome find(struct http *http, const struct http_request *request, struct found *found)
{
    const char *path = http->buffers->path;
    if (!http_path_read(request->path, http->buffers->path))
        return refuse(found, 400);
    int root = http_root_open(http->config->root);
    if (root < 0)
        return refuse(found, status_of_root());
    enum outcome outcome = open_below(http, root, found);
    if (outcome == FOUND_FILE && found->file.folder) {
        if (path[strlen(path) - 1] == '/') {
            outcome = open_index(http, root, found);
        } else {
            close_file(found);
            outcome = FOUND_FOLDER;
        }
    }
    close(root);
    return outcome;
}

/* ---- The answer ---------------------------------------------------------------------------- */

/* Appends a part of the file, whose descriptor it takes over. */
static bool take_part(struct http *http, const struct http_answer *answer, struct found *found,
                      const struct http_part *part)
{
    take_answer(http, answer);
    http->output.at = part->first;
    http->output.end = part->first + part->length;
    if (part->length == 0)
        return true;
    http->output.file = found->file.fd;
    found->file.fd = -1;
    return http_send_fill(&http->output, http->buffers->output, http->conn);
}

static void add_version(struct http_answer *answer, const struct http_version *version,
                        bool is_protected)
{
    char modified[HTTP_DATE_SIZE];
    http_date_write(version->modified, modified);
    http_answer_add(answer, "Last-Modified: %s\r\nETag: %s\r\n", modified, version->etag);
    if (is_protected)
        http_answer_add(answer, "Cache-Control: private\r\n");
}

static bool answer_file(struct http *http, const struct http_request *request, struct found *found,
                        const struct http_version *version, const struct http_part *part)
{
    struct http_answer answer = answer_of(http);
    http_answer_begin(&answer, part->status, request);
    add_version(&answer, version, found->is_protected);
    if (part->status == 304) {
        http_answer_add(&answer, "\r\n");
        take_answer(http, &answer);
        return true;
    }
    http_answer_add(&answer, "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\n",
                    http_type(http->buffers->path));
    http_answer_add(&answer, "Accept-Ranges: bytes\r\nContent-Length: %ju\r\n",
                    (uintmax_t)part->length);
    if (part->status == 206) {
        http_answer_add(&answer, "Content-Range: bytes %ju-%ju/%ju\r\n", (uintmax_t)part->first,
                        (uintmax_t)(part->first + part->length - 1), (uintmax_t)version->size);
    }
    http_answer_add(&answer, "\r\n");
    if (request->method != HTTP_HEAD)
        return take_part(http, &answer, found, part);
    take_answer(http, &answer);
    return true;
}

static struct http_version version_of(const struct stat *stat)
{
    struct http_version version = {.modified = stat->st_mtim.tv_sec,
                                   .size = (uint64_t)stat->st_size};
    (void)snprintf(version.etag, sizeof(version.etag), "\"%jx.%lx-%jx\"",
                   (uintmax_t)stat->st_mtim.tv_sec, (unsigned long)stat->st_mtim.tv_nsec,
                   (uintmax_t)stat->st_size);
    return version;
}

static bool respond_file(struct http *http, const struct http_request *request, struct found *found)
{
    char more[64];
    struct http_version version = version_of(&found->file.stat);
    struct http_part part = http_select(request, &version);
    switch (part.status) {
    case 412:
        http_respond_page(http, 412, request, "", NULL);
        return true;
    case 416:
        (void)snprintf(more, sizeof(more), "Content-Range: bytes */%ju\r\n",
                       (uintmax_t)version.size);
        http_respond_page(http, 416, request, more, NULL);
        return true;
    default:
        return answer_file(http, request, found, &version, &part);
    }
}

/* From /folder to /folder/, for the sake of relative links. */
static void redirect(struct http *http, const struct http_request *request)
{
    enum { LOCATION_MAX = 12288 };
    char *location = http->buffers->output + sizeof(http->buffers->output) - LOCATION_MAX;
    char after[HTTP_REQUEST_LINE_MAX];
    struct http_answer answer = {.at = http->buffers->output,
                                 .size = sizeof(http->buffers->output) - LOCATION_MAX};
    (void)snprintf(after, sizeof(after), "/%.*s", (int)request->query.length, request->query.at);
    if (!http_path_encode(http->buffers->path, after, location, LOCATION_MAX)) {
        http_respond_page(http, 414, request, "", NULL);
        return;
    }
    http_answer_begin(&answer, 301, request);
    http_answer_add(&answer, "Location: %s\r\nContent-Length: 0\r\n\r\n", location);
    take_answer(http, &answer);
}

/* Requests that are refused whatever they ask for. False: it is not one of these. */
static bool refuse_request(struct http *http, const struct http_request *request)
{
    if (request->method == HTTP_UNKNOWN_METHOD)
        http_respond_page(http, 501, request, "", NULL);
    else if (request->method == HTTP_OTHER_METHOD || request->method == HTTP_CONNECT)
        http_respond_page(http, 405, request, "Allow: GET, HEAD\r\n", NULL);
    else if (request->has_body)
        http_respond_page(http, 413, request, "", NULL);
    else
        return false;
    return true;
}

bool http_respond(struct http *http, struct http_request *request)
{
    struct found found = {.file = {.fd = -1}};
    bool open = true;
    /* A body is not read, so the connection must close: the body would be taken for a request. */
    request->keep_alive = request->keep_alive && !request->has_body;
    if (refuse_request(http, request))
        return true;
    switch (find(http, request, &found)) {
    case FOUND_FILE:
        open = respond_file(http, request, &found);
        close_file(&found);
        break;
    case FOUND_FOLDER:
        redirect(http, request);
        break;
    case REFUSED:
        http_respond_page(http, found.status, request, "",
                          found.why.text[0] != '\0' ? found.why.text : NULL);
        break;
    case CLOSED:
        open = false;
        break;
    }
    return open;
}
