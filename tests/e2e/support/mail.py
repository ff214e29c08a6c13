"""Servers of mail and of files, which know STARTTLS and its kin themselves: Debian's exim4, dovecot
and vsftpd. Each listens on free ports of 127.0.0.1, and keeps its files in a folder of its own."""
import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile

from .actpass import died_with_us
from .case import need
from .data import until
from .ports import free_port

USER, PASSWORD = "me", "secret"
CERTIFICATE = "device"


def is_root():
    return os.geteuid() == 0


class Server:
    """Started in setUpClass; close() in tearDownClass. Its folder can be entered by everybody,
    since these servers change their user."""

    def __init__(self, certificates, program):
        need(program)
        self.folder = tempfile.mkdtemp(prefix="actpass-mail.")
        os.chmod(self.folder, 0o755)
        self.certificate, self.key = (
            shutil.copy(path, self.folder) for path in certificates.chain(CERTIFICATE))
        self.process = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as out:
            out.write(text)
        return self.path(name)

    def start(self, command, *ports):
        self.process = subprocess.Popen(died_with_us(command), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for port in ports:
            until(lambda port=port: self.answers(port), 30, f"{command[0]} listening")

    def answers(self, port):
        assert self.process.poll() is None, f"{self.process.args} has ended"
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", port)) == 0

    def close(self):
        self.process.terminate()  # it takes its own processes with it
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


EXIM = """\
exim_user = {user}
exim_group = {group}
never_users =
primary_hostname = mx.example
spool_directory = {folder}/spool
log_file_path = {folder}/exim.%s.log
pid_file_path = {folder}/exim.pid
daemon_smtp_ports = {plain} : {port}
local_interfaces = 127.0.0.1
tls_certificate = {certificate}
tls_privatekey = {key}
tls_advertise_hosts = ${{if eq{{$received_port}}{{{port}}}{{*}}{{}}}}
queue_only
acl_smtp_rcpt = accept
host_lookup =
rfc1413_query_timeout = 0s
keep_environment =
"""


class Exim(Server):
    """Takes every message, and queues it. `port` has STARTTLS, `plain` has none."""

    def __init__(self, certificates):
        super().__init__(certificates, "/usr/sbin/exim4")
        self.port, self.plain = free_port(), free_port()
        user = pwd.getpwuid(os.geteuid())
        config = self.write("exim.conf", EXIM.format(user=user.pw_name, group=user.pw_gid,
                                                     **vars(self)))
        self.start(["/usr/sbin/exim4", "-bdf", "-C", config], self.port, self.plain)

    def messages(self):
        """The bodies of all that is queued."""
        found = []
        for path in sorted(glob.glob(self.path("spool/input/*-D"))):
            with open(path, "rb") as file:
                found.append(file.read())
        return found


DOVECOT = """\
protocols = imap pop3
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 1
ssl = yes
auth_mechanisms = plain
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
"""
DOVECOT_23 = """\
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail
}}
"""
DOVECOT_24 = """\
ssl_server_cert_file = {certificate}
ssl_server_key_file = {key}
auth_allow_cleartext = yes
mail_driver = maildir
mail_path = {folder}/mail
passdb static {{
  passdb_static_password = {password}
}}
userdb static {{
  fields {{
    uid = {uid}
    gid = {gid}
    home = {folder}/mail
  }}
}}
"""


class Dovecot(Server):
    """IMAP and POP3 on `imap` and `pop3`, with STARTTLS and without, as the client wants."""

    def __init__(self, certificates):
        super().__init__(certificates, "/usr/sbin/dovecot")
        self.imap, self.pop3 = free_port(), free_port()
        owner = pwd.getpwnam("nobody") if is_root() else pwd.getpwuid(os.geteuid())
        os.makedirs(self.path("mail/new"))
        for name in "cur", "tmp":
            os.mkdir(self.path("mail/" + name))
        self.write("mail/new/1.one.example", "Subject: hello\r\n\r\nkept\r\n")
        for path in ("mail", "mail/new", "mail/cur", "mail/tmp", "mail/new/1.one.example"):
            if is_root():
                os.chown(self.path(path), owner.pw_uid, owner.pw_gid)
        config = self.write("dovecot.conf", self.config(owner))
        self.start(["/usr/sbin/dovecot", "-F", "-c", config], self.imap, self.pop3)

    def config(self, owner):
        version = subprocess.run(["/usr/sbin/dovecot", "--version"], check=True,
                                 capture_output=True, text=True).stdout
        old = version.startswith("2.3")
        head = "" if old else ("dovecot_config_version = 2.4.0\n"
                               "dovecot_storage_version = 2.4.0\n")
        me = owner.pw_name
        return head + (DOVECOT + (DOVECOT_23 if old else DOVECOT_24)).format(
            internal="dovecot" if is_root() else me, login="dovenull" if is_root() else me,
            group="dovecot" if is_root() else owner.pw_gid, uid=owner.pw_uid, gid=owner.pw_gid,
            password=PASSWORD, **vars(self))


VSFTPD = """\
listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
anonymous_enable=YES
local_enable=NO
run_as_launching_user=YES
ftp_username={user}
anon_root={folder}/ftp
no_anon_password=YES
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
ssl_enable=YES
allow_anon_ssl=YES
force_local_data_ssl=NO
force_local_logins_ssl=NO
require_ssl_reuse=NO
rsa_cert_file={certificate}
rsa_private_key_file={key}
vsftpd_log_file={folder}/vsftpd.log
xferlog_enable=NO
"""


class Vsftpd(Server):
    """Gives everybody the file `kept`, with AUTH TLS and without, as the client wants."""

    def __init__(self, certificates):
        super().__init__(certificates, "/usr/sbin/vsftpd")
        self.port = free_port()
        os.mkdir(self.path("ftp"))
        self.write("ftp/kept", "kept\n")
        config = self.write("vsftpd.conf", VSFTPD.format(
            user=pwd.getpwuid(os.geteuid()).pw_name, **vars(self)))
        os.chmod(config, 0o600)
        self.start(["/usr/sbin/vsftpd", config], self.port)
