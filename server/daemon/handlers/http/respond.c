#include "server/daemon/handlers/http/respond.h"

#include "server/daemon/handlers/http/answer.h"
#include "server/daemon/handlers/http/date.h"
#include "server/daemon/handlers/http/file.h"
#include "server/daemon/handlers/http/guard.h"
#include "server/daemon/handlers/http/select.h"
#include "server/daemon/handlers/http/type.h"
#include "server/lib/conn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a request led to. */
struct found {
    struct http_file file;
    bool is_protected;
    struct tls_error why; /* why it was refused; "": what is usual for the status */
};

static struct http_answer answer_of(struct http *http)
{
    return (struct http_answer){.at = http->buffers->output, .size = sizeof(http->buffers->output)};
}

static bool send_answer(struct http *http, const struct http_answer *answer)
{
    return actpass_write(http->conn, answer->at, answer->length) == 0;
}

bool http_respond_page(struct http *http, int status, const struct http_request *request,
                       const char *more, const char *sentence)
{
    struct http_answer answer = answer_of(http);
    http_answer_page(&answer, status, request, more, sentence ? sentence : http_sentence(status));
    return send_answer(http, &answer);
}

/* ---- Finding the file ---------------------------------------------------------------------- */

static int ask_leave(struct http *http, const struct http_protection *protection,
                     struct found *found)
{
    if (protection->part || protection->folded)
        found->is_protected = true;
    return http_ask_leave(http->conn, protection, &http->asked, &found->why);
}

/* A symbolic link from elsewhere must not lead around the protection of a part. */
static int check_place(struct http *http, int root, const struct http_protection *protection,
                       struct found *found)
{
    char *place = http->buffers->place;
    if (http->config->protected_count == 0)
        return 200;
    if (!http_file_place(root, &found->file, place, sizeof(http->buffers->place)))
        return 404;
    struct http_protection there = http_protection(http->config, place);
    bool same = there.part == protection->part && there.folded == protection->folded;
    return same ? 200 : ask_leave(http, &there, found);
}

/* Leave comes first: who may not see a file is not told whether it is there. */
static int open_below(struct http *http, int root, struct found *found)
{
    struct http_protection protection = http_protection(http->config, http->buffers->path);
    int status = ask_leave(http, &protection, found);
    if (status == 200)
        status = http_file_open(root, http->buffers->path, &found->file);
    if (status == 200) {
        status = check_place(http, root, &protection, found);
        if (status != 200) {
            close(found->file.fd);
            found->file.fd = -1;
        }
    }
    return status;
}

/* Puts the index file in its folder's place. */
static int open_index(struct http *http, int root, struct found *found)
{
    const char *index = http->config->index;
    char *path = http->buffers->path;
    size_t length = strlen(path);
    close(found->file.fd);
    found->file.fd = -1;
    if (index[0] == '\0' || length + strlen(index) >= sizeof(http->buffers->path))
        return 404;
    memcpy(path + length, index, strlen(index) + 1);
    int status = open_below(http, root, found);
    if (status == 200 && found->file.folder) {
        close(found->file.fd);
        found->file.fd = -1;
        status = 404;
    }
    return status;
}

static int status_of_root(void)
{
    return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? 503 : 500;
}

/* 200 with the open file, 301, the status of a refusal, or 0 where the connection has its end. */
static int find(struct http *http, const struct http_request *request, struct found *found)
{
    char *path = http->buffers->path;
    found->file.fd = -1;
    if (!http_path_read(request->path, path))
        return 400;
    int root = http_root_open(http->config->root);
    if (root < 0)
        return status_of_root();
    int status = open_below(http, root, found);
    if (status == 200 && found->file.folder) {
        if (path[strlen(path) - 1] == '/') {
            status = open_index(http, root, found);
        } else {
            close(found->file.fd);
            status = 301;
        }
    }
    close(root);
    return status;
}

/* ---- Sending it ---------------------------------------------------------------------------- */

/* The length was said, so a file that has become shorter cannot be sent in order any more. */
static bool send_part(struct http *http, struct http_answer *answer, int fd,
                      const struct http_part *part)
{
    uint64_t at = part->first;
    uint64_t end = part->first + part->length;
    while (at < end) {
        size_t room = answer->size - answer->length;
        size_t most = end - at < room ? (size_t)(end - at) : room;
        ssize_t got = pread(fd, answer->at + answer->length, most, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            conn_fail(http->conn, ACTPASS_CANCELLED,
                      got == 0 ? "the file became shorter while it was sent"
                               : "the file could not be read any more");
            return false;
        }
        answer->length += (size_t)got;
        at += (uint64_t)got;
        if (!send_answer(http, answer))
            return false;
        answer->length = 0;
    }
    return answer->length == 0 || send_answer(http, answer);
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

static bool send_file(struct http *http, const struct http_request *request,
                      const struct found *found, const struct http_version *version,
                      const struct http_part *part)
{
    struct http_answer answer = answer_of(http);
    http_answer_begin(&answer, part->status, request);
    add_version(&answer, version, found->is_protected);
    if (part->status == 304) {
        http_answer_add(&answer, "\r\n");
        return send_answer(http, &answer);
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
    if (request->method == HTTP_HEAD)
        return send_answer(http, &answer);
    return send_part(http, &answer, found->file.fd, part);
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

static bool respond_file(struct http *http, const struct http_request *request,
                         const struct found *found)
{
    char more[64];
    struct http_version version = version_of(&found->file.stat);
    struct http_part part = http_select(request, &version);
    switch (part.status) {
    case 412:
        return http_respond_page(http, 412, request, "", NULL);
    case 416:
        (void)snprintf(more, sizeof(more), "Content-Range: bytes */%ju\r\n",
                       (uintmax_t)version.size);
        return http_respond_page(http, 416, request, more, NULL);
    default:
        return send_file(http, request, found, &version, &part);
    }
}

/* From /folder to /folder/, for the sake of relative links. */
static bool redirect(struct http *http, const struct http_request *request)
{
    enum { LOCATION_MOST = 12288 };
    char *location = http->buffers->output + sizeof(http->buffers->output) - LOCATION_MOST;
    char after[HTTP_REQUEST_LINE_MOST];
    struct http_answer answer = {.at = http->buffers->output,
                                 .size = sizeof(http->buffers->output) - LOCATION_MOST};
    (void)snprintf(after, sizeof(after), "/%.*s", (int)request->query.length, request->query.at);
    if (!http_path_encode(http->buffers->path, after, location, LOCATION_MOST))
        return http_respond_page(http, 414, request, "", NULL);
    http_answer_begin(&answer, 301, request);
    http_answer_add(&answer, "Location: %s\r\nContent-Length: 0\r\n\r\n", location);
    return send_answer(http, &answer);
}

bool http_respond(struct http *http, struct http_request *request)
{
    struct found found = {.why = {""}};
    /* A body is not read: what follows the head would be taken for a request. */
    request->keep_alive = request->keep_alive && !request->has_body;
    if (request->method == HTTP_UNKNOWN_METHOD)
        return http_respond_page(http, 501, request, "", NULL);
    if (request->method == HTTP_OTHER_METHOD)
        return http_respond_page(http, 405, request, "Allow: GET, HEAD\r\n", NULL);
    if (request->has_body)
        return http_respond_page(http, 413, request, "", NULL);
    int status = find(http, request, &found);
    if (status == 0)
        return false;
    if (status == 301)
        return redirect(http, request);
    if (status != 200) {
        return http_respond_page(http, status, request, "",
                                 found.why.text[0] != '\0' ? found.why.text : NULL);
    }
    bool done = respond_file(http, request, &found);
    close(found.file.fd);
    return done;
}
