#include "server/daemon/handed.h"

#include "tests/support/certs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A listener on a unix socket, which "service one" has handed over. */
struct scene {
    struct test_folder *folder;
    struct config_address address, tcp;
    struct listener *old;
    struct handed *handed;
    struct error_text error;
};

static void parse(const char *text, struct config_address *address)
{
    cr_assert_null(config_address_parse(text, address), "%s", text);
}

static void begin(struct scene *scene)
{
    char text[160];
    *scene = (struct scene){.folder = test_folder_new(), .handed = handed_new()};
    (void)snprintf(text, sizeof(text), "unix:%s", test_folder_path(scene->folder, "s"));
    parse(text, &scene->address);
    parse("127.0.0.1:0", &scene->tcp);
    scene->old = listener_open(&scene->address, NULL, &scene->error);
    cr_assert_not_null(scene->old, "%s", scene->error.text);
    cr_assert(
        handed_add(scene->handed, "service one", LISTENER_OURS, dup(listener_fd(scene->old))));
}

static void end(struct scene *scene)
{
    listener_close(scene->old);
    config_address_free(&scene->address);
    config_address_free(&scene->tcp);
    test_folder_free(scene->folder);
}

static bool is_there(const struct scene *scene)
{
    struct stat file;
    return lstat(scene->address.path, &file) == 0;
}

Test(handed, its_file_is_ours_only_when_we_say_so)
{
    struct scene scene;
    begin(&scene);
    struct listener *taken = handed_take(scene.handed, "service one", &scene.address, &scene.error);
    cr_assert_not_null(taken, "%s", scene.error.text);
    cr_assert_eq(listener_owner(taken), LISTENER_OURS);
    cr_assert_str_eq(listener_address(taken), scene.address.text);
    cr_assert_null(handed_take(scene.handed, "service one", &scene.address, &scene.error));
    listener_hold(taken);
    listener_close(taken);
    listener_shut(taken);
    cr_assert(is_there(&scene), "the other process still listens");
    listener_close(taken);
    handed_free(scene.handed);
    end(&scene);
}

Test(handed, the_one_that_takes_over_removes_the_file)
{
    struct scene scene;
    begin(&scene);
    struct listener *taken =
        handed_take(scene.handed, "service other", &scene.address, &scene.error);
    cr_assert_not_null(taken, "by its address: %s", scene.error.text);
    listener_disown(scene.old);
    listener_shut(scene.old);
    cr_assert(is_there(&scene));
    listener_own(taken);
    listener_close(taken);
    cr_assert_not(is_there(&scene));
    handed_free(scene.handed);
    end(&scene);
}

Test(handed, another_address_is_not_taken)
{
    struct scene scene;
    begin(&scene);
    cr_assert_null(handed_take(scene.handed, "service one", &scene.tcp, &scene.error));
    cr_assert_str_eq(scene.error.text, "");
    handed_free(scene.handed);
    handed_free(NULL);
    cr_assert(is_there(&scene));
    end(&scene);
}

Test(handed, the_files_of_what_nobody_takes_are_removed_at_the_end)
{
    struct scene scene;
    begin(&scene);
    listener_disown(scene.old);
    handed_end(scene.handed);
    handed_end(NULL);
    cr_assert_not(is_there(&scene));
    end(&scene);
}

/* Port 0 stands for another port in each service. */
Test(handed, any_port_is_for_the_same_name_only)
{
    struct scene scene;
    begin(&scene);
    struct listener *tcp = listener_open(&scene.tcp, NULL, &scene.error);
    cr_assert_not_null(tcp, "%s", scene.error.text);
    cr_assert(handed_add(scene.handed, "service two", LISTENER_OURS, dup(listener_fd(tcp))));
    cr_assert_null(handed_take(scene.handed, "service one", &scene.tcp, &scene.error));
    struct listener *taken = handed_take(scene.handed, "service two", &scene.tcp, &scene.error);
    cr_assert_not_null(taken);
    cr_assert_str_eq(listener_address(taken), listener_address(tcp));
    listener_close(taken);
    listener_close(tcp);
    handed_free(scene.handed);
    end(&scene);
}
