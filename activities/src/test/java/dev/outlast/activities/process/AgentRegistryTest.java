package dev.outlast.activities.process;

import static dev.outlast.activities.process.Processes.await;
import static dev.outlast.activities.process.Processes.pidIn;
import static dev.outlast.activities.process.Processes.runs;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(300)
@ParameterizedClass
@MethodSource("dev.outlast.activities.process.Processes#tables")
class AgentRegistryTest {

  private static final AgentOwner OWNER = new AgentOwner("run", "run-id", "7", 2);
  private static final Duration LONG = Duration.ofMinutes(1);
  private static final Instant NOW = Instant.parse("2026-11-21T15:00:00.123Z");

  @TempDir Path folder;

  @Parameter ProcessTable table;

  private AgentRegistry registry;
  private final List<Process> strangers = new ArrayList<>();

  /** Other tests in this JVM may have left a registry open. */
  private final Set<Long> before = new HashSet<>(children());

  private static List<Long> children() {
    return ProcessHandle.current()
        .children()
        .map(ProcessHandle::pid)
        .filter(Processes::runs)
        .toList();
  }

  private List<Long> started() {
    return children().stream().filter(child -> !before.contains(child)).toList();
  }

  @BeforeEach
  void open() {
    registry = open(Cgroup.parent());
  }

  private AgentRegistry open(Optional<Path> cgroups) {
    return AgentRegistry.open(folder, cgroups, table, Clock.systemUTC());
  }

  @AfterEach
  void close() {
    registry.end(record -> true);
    registry.close();
    strangers.forEach(Process::destroyForcibly);
  }

  private AgentProcess held(AgentRegistry starter, String script) throws IOException {
    return starter.start(
        new ProcessSpec(
            List.of("/bin/sh", "-c", script), folder, Map.of("PATH", System.getenv("PATH")), null),
        OWNER,
        "session-1",
        folder.toString(),
        line -> {},
        line -> {});
  }

  /** Leads a session and a group of its own, as an agent does. */
  private ProcessIdentity stranger() throws Exception {
    Process stranger = new ProcessBuilder("setsid", "sleep", "600").start();
    strangers.add(stranger);
    await(
        "it leads a group",
        LONG,
        () -> table.entry(stranger.pid()).filter(p -> p.group() == stranger.pid()).isPresent());
    return ProcessIdentity.of(stranger.pid(), table).orElseThrow();
  }

  private ProcessIdentity dead() throws IOException, InterruptedException {
    Process process = new ProcessBuilder("sleep", "600").start();
    ProcessIdentity identity = ProcessIdentity.of(process.pid(), table).orElseThrow();
    process.destroyForcibly().waitFor();
    return identity;
  }

  private void put(ProcessIdentity agent, ProcessIdentity worker, String name) throws IOException {
    new AgentRecords(folder.resolve("agents"))
        .write(
            new AgentRecord(
                agent, worker, OWNER, null, "/", Instant.EPOCH, "run-id/7/2/" + name, null));
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve("agents"))) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void an_agent_is_on_record_before_anything_of_it_runs_and_not_after_it_has_ended()
      throws Exception {
    AgentRegistry starter =
        AgentRegistry.open(folder, Optional.empty(), table, Clock.fixed(NOW, ZoneOffset.UTC));
    AgentProcess agent = held(starter, "cp agents/*.json seen; exit 3");
    AgentRecord record = registry.records().get(0);
    assertEquals(agent.pid(), record.agent().pid());
    assertEquals(ProcessIdentity.of(agent.pid(), table), Optional.of(record.agent()));
    assertEquals(ProcessIdentity.current(), record.worker());
    assertEquals(OWNER, record.owner());
    assertEquals("session-1", record.session());
    assertEquals(folder.toString(), record.workspace());
    assertEquals(NOW, record.startedAt());
    assertTrue(record.mark().startsWith("run-id/7/2/"), record.mark());
    AgentProcess later = held(starter, "exit 0");
    later.release();
    assertTrue(later.awaitExit(LONG));
    later.finish();
    assertFalse(Files.exists(folder.resolve("seen")), "it runs though it is held");

    agent.release();
    assertTrue(agent.awaitExit(LONG));
    assertEquals(3, agent.finish());
    assertTrue(Files.size(folder.resolve("seen")) > 0, "the record was there before the agent");
    assertEquals(List.of(), files());
    starter.close();
  }

  @Test
  void a_record_is_for_its_owners_eyes_only() throws IOException {
    AgentProcess agent = held(registry, "sleep 600");
    Path file = folder.resolve("agents").resolve(files().get(0));
    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
    agent.end();
  }

  @Test
  void an_agent_that_was_ended_while_it_was_held_never_runs() throws Exception {
    AgentProcess byRecord = held(registry, "touch ran");
    assertTrue(open(Optional.empty()).end(record -> true), "as another worker does");
    assertThrows(IOException.class, byRecord::release);
    byRecord.end();

    AgentProcess byItsWorker = held(registry, "touch ran");
    byItsWorker.end();
    assertFalse(runs(byItsWorker.pid()));
    assertFalse(Files.exists(folder.resolve("ran")));
    assertEquals(List.of(), registry.records());
  }

  @Test
  void an_agent_that_cannot_be_recorded_is_not_started_and_the_file_is_named() throws Exception {
    Files.writeString(folder.resolve("agents"), "in the way");
    AgentRegistry starter = open(Optional.empty());
    NotRecordedException e =
        assertThrows(NotRecordedException.class, () -> held(starter, "touch ran; sleep 600"));
    assertTrue(e.getMessage().startsWith(folder.resolve("agents").toString()), e.getMessage());
    await("nothing is left", LONG, () -> started().isEmpty());
    assertFalse(Files.exists(folder.resolve("ran")));
    Files.delete(folder.resolve("agents"));
  }

  @Test
  void a_stranger_with_the_process_id_of_an_agent_is_never_ended() throws Exception {
    ProcessIdentity stranger = stranger();
    ProcessIdentity worker = dead();
    String earlier = table.text(table.started(stranger.start()) - 1);
    put(new ProcessIdentity(stranger.pid(), earlier, stranger.boot()), worker, "start");
    put(new ProcessIdentity(stranger.pid(), stranger.start(), "other boot"), worker, "boot");

    assertEquals(0, registry.reap());

    assertTrue(runs(stranger.pid()));
    assertEquals(List.of(), files(), "but the records are removed");
  }

  @Test
  void an_orphan_is_ended_and_what_a_living_worker_runs_is_left_alone() throws Exception {
    ProcessIdentity mine = stranger();
    ProcessIdentity orphan = stranger();
    put(mine, ProcessIdentity.current(), "mine");
    put(orphan, dead(), "orphan");

    assertEquals(1, registry.reap());

    assertFalse(runs(orphan.pid()));
    assertTrue(runs(mine.pid()));
    assertEquals(List.of("mine.json"), files());
  }

  @Test
  void what_is_no_record_is_moved_aside_and_hides_no_other() throws Exception {
    ProcessIdentity orphan = stranger();
    put(orphan, dead(), "orphan");
    Path agents = folder.resolve("agents");
    String whole = Files.readString(agents.resolve("orphan.json"));
    Files.writeString(agents.resolve("torn.json"), whole.substring(0, whole.length() / 2));
    Files.writeString(agents.resolve("empty.json"), "");
    Files.writeString(agents.resolve("null.json"), "null");
    Files.writeString(agents.resolve("foreign.json"), "{\"pid\": 1}");
    Files.writeString(agents.resolve("copy.json"), whole);
    Files.write(agents.resolve("bytes.json"), new byte[] {(byte) 0xff, 0, 1});
    Files.writeString(agents.resolve("deep.json"), "[".repeat(100_000));
    Files.createDirectory(agents.resolve("folder.json"));
    ProcessIdentity odd = dead();
    for (String name : List.of("start", "pid", "group", "workspace", "cgroup", "mark")) {
      put(odd, dead(), name);
    }
    change("start", "\"start\":\"" + odd.start() + "\"", "\"start\":\"soon\"");
    change("pid", "\"pid\":" + odd.pid(), "\"pid\":-1");
    change("group", "\"pid\":" + odd.pid(), "\"pid\":1");
    change("workspace", "\"workspace\":\"/\"", "\"workspace\":\"/\\u0000\"");
    change("cgroup", "\"cgroup\":null", "\"cgroup\":\"/outlast-cgroup\\u0000\"");
    change("mark", "7/2/mark", "7/2/\\u0000mark");

    assertEquals(1, registry.reap());

    assertFalse(runs(orphan.pid()));
    assertEquals(
        Stream.of(
                "torn",
                "empty",
                "null",
                "foreign",
                "copy",
                "bytes",
                "deep",
                "folder",
                "start",
                "pid",
                "group",
                "workspace",
                "cgroup",
                "mark")
            .map(name -> name + ".json.unreadable")
            .sorted()
            .toList(),
        files());
  }

  @Test
  void to_look_at_the_records_changes_nothing() throws Exception {
    put(stranger(), ProcessIdentity.current(), "running");
    Files.writeString(folder.resolve("agents/torn.json"), "{");
    List<String> all = List.of("running.json", "torn.json");
    assertEquals(all, files());

    assertEquals(1, registry.records().size());
    assertTrue(registry.end(record -> false));

    assertEquals(all, files());
  }

  private void change(String name, String from, String to) throws IOException {
    Path file = folder.resolve("agents").resolve(name + ".json");
    String whole = Files.readString(file);
    assertTrue(whole.contains(from), whole);
    Files.writeString(file, whole.replace(from, to));
  }

  @Test
  void a_record_of_a_later_version_is_read() throws Exception {
    put(dead(), dead(), "new");
    Path file = folder.resolve("agents/new.json");
    Files.writeString(file, Files.readString(file).replaceFirst("\\{", "{\"newField\":[1],"));
    assertEquals(1, registry.records().size());
  }

  @Test
  void records_name_agents_of_control_groups_that_are_theirs_only() {
    ProcessIdentity self = ProcessIdentity.current();
    for (String folder : List.of("/sys/fs/cgroup", "/sys/fs/cgroup/outlast-other", "outlast-x/y")) {
      AgentRecord record =
          new AgentRecord(self, self, OWNER, null, "/", Instant.EPOCH, "a/1/1/x", folder);
      assertEquals(null, Cgroup.of(record), folder);
    }
  }

  @Test
  void the_own_control_group_is_found_among_the_mounts() throws IOException {
    Path own = Files.createDirectories(folder.resolve("unified/a/b"));
    String mounts =
        "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
            + "41 31 0:38 / "
            + folder.resolve("unified")
            + " rw,relatime shared:4 - cgroup2 cgroup2 rw\n";
    assertEquals(Optional.of(own), Cgroup.parent(mounts, "9:name=systemd:/\n0::/a/b\n"));
    assertEquals(Optional.empty(), Cgroup.parent(mounts, "0::/a/none\n"));
    assertEquals(Optional.empty(), Cgroup.parent(mounts, "4:memory:/a/b\n"));
    assertEquals(Optional.empty(), Cgroup.parent("31 23 0:28 / /x rw - tmpfs t rw\n", "0::/a/b\n"));
    String bound = mounts.replace(" / " + folder, " /a " + folder);
    assertEquals(
        Optional.of(Files.createDirectories(folder.resolve("unified/b"))),
        Cgroup.parent(bound, "0::/a/b\n"));
  }

  @Test
  void where_control_groups_cannot_be_made_agents_start_without() throws Exception {
    AgentRegistry without = open(Optional.of(folder.resolve("none")));
    AgentProcess agent =
        held(without, "(setsid sh -c 'echo $$ > child; exec sleep 600' &); exit 4");
    agent.release();
    long child = pidIn(folder.resolve("child"));
    assertTrue(agent.awaitExit(LONG));
    assertEquals(4, agent.finish());
    assertFalse(runs(child), "it is known by its mark");
    without.close();
  }

  @ParameterizedTest
  @MethodSource("dev.outlast.activities.process.Processes#waysToFindWhatLeftTheGroup")
  void what_left_the_group_ends_with_the_agent(Path cgroups) throws Exception {
    AgentRegistry starter = open(Optional.of(cgroups).filter(path -> !path.toString().isEmpty()));
    AgentProcess agent =
        held(
            starter,
            "trap '' TERM; (setsid sh -c 'echo $$ > child; while :; do sleep 1; done'"
                + " >/dev/null 2>&1 &); while ! [ -s child ]; do sleep 0.1; done; exit 4");
    agent.release();
    long child = pidIn(folder.resolve("child"));
    assertTrue(agent.awaitExit(LONG));
    assertEquals(4, agent.finish());
    assertFalse(runs(child));
    assertEquals(List.of(), files());
    starter.close();
  }

  @Test
  void two_agents_of_one_attempt_are_told_apart() throws IOException {
    AgentProcess one = held(registry, "sleep 600");
    AgentProcess two = held(registry, "sleep 600");
    List<AgentRecord> records = registry.records();
    assertEquals(2, records.size());
    assertNotEquals(records.get(0).mark(), records.get(1).mark());
    assertTrue(registry.end(record -> record.agent().pid() == one.pid()));
    assertFalse(runs(one.pid()));
    assertTrue(runs(two.pid()));
    one.end();
    two.end();
  }

  @Test
  void neither_a_line_that_a_worker_could_not_finish_nor_a_later_process_id_ends_anybody()
      throws Exception {
    ProcessIdentity named = stranger();
    ProcessIdentity later = stranger();
    ProcessIdentity torn = stranger();
    end(line(named, "a", 0) + " -\n" + line(later, "b", -1) + " -\n" + line(torn, "c", 0) + " -");
    assertFalse(runs(named.pid()));
    assertTrue(runs(later.pid()));
    assertTrue(runs(torn.pid()));
  }

  @Test
  void where_control_groups_cannot_be_killed_as_a_whole_each_process_is() throws Exception {
    Process stranger =
        new ProcessBuilder("setsid", "sh", "-c", "trap '' TERM; while :; do sleep 1; done").start();
    strangers.add(stranger);
    Path old = Files.createDirectories(folder.resolve("old/inner"));
    Files.writeString(old.resolve("cgroup.procs"), "0\n" + stranger.pid() + "\n");
    // What is in it has no process id here.
    Path hidden = Files.createDirectories(folder.resolve("hidden"));
    Files.writeString(hidden.resolve("cgroup.events"), "populated 1\nfrozen 0\n");
    Path kill = Files.createFile(hidden.resolve("cgroup.kill"));
    ProcessIdentity dead = dead();
    end(
        line(dead, "a", 0)
            + " "
            + old.getParent()
            + "\n"
            + line(dead, "b", 0)
            + " "
            + hidden
            + "\n");
    assertFalse(runs(stranger.pid()));
    assertEquals("1\n", Files.readString(kill));
  }

  /** What a dead man's switch does to whom it was told of. */
  private void end(String lines) throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(
            "/bin/sh",
            "-c",
            new String(
                AgentRegistry.class.getResourceAsStream("dead-mans-switch.sh").readAllBytes(),
                StandardCharsets.UTF_8),
            "sh",
            table.environments());
    builder.environment().putAll(Map.of("LC_ALL", "C", "TZ", "UTC0"));
    Process deadMansSwitch = builder.start();
    try (OutputStream pipe = deadMansSwitch.getOutputStream()) {
      pipe.write(lines.getBytes(StandardCharsets.US_ASCII));
    }
    assertEquals(0, deadMansSwitch.waitFor());
  }

  private String line(ProcessIdentity agent, String name, int sooner) {
    String start = table.word(table.started(agent.start()) + sooner);
    return "+ %s %d %s run-id/7/2/%s".formatted(name, agent.pid(), start, name);
  }

  @Test
  void what_stays_in_the_group_with_an_environment_of_its_own_ends_after_its_leader()
      throws Exception {
    AgentRegistry starter = open(Optional.empty());
    AgentProcess agent =
        held(
            starter,
            "env -i /bin/sh -c 'echo $$ > child; exec /bin/sleep 600' >/dev/null 2>&1 &"
                + " while ! [ -s child ]; do sleep 0.1; done; exit 4");
    agent.release();
    long child = pidIn(folder.resolve("child"));
    assertTrue(agent.awaitExit(LONG));
    assertEquals(4, agent.finish());
    assertFalse(runs(child));
    starter.close();
  }

  @Test
  void a_group_with_the_number_of_an_agent_that_has_ended_is_a_strangers() throws Exception {
    ProcessIdentity stranger = stranger();
    long started = table.started(stranger.start());
    AgentRecord record =
        new AgentRecord(
            new ProcessIdentity(stranger.pid(), table.text(started - 2), stranger.boot()),
            ProcessIdentity.current(),
            OWNER,
            null,
            "/",
            NOW,
            "run-id/7/2/ended",
            null);
    AgentTree tree = AgentTree.ofChild(record, new AsOf(table, started - 1));
    tree.leaderEnded();
    tree.interrupt();
    tree.terminate();
    tree.kill();
    assertTrue(tree.gone());
    Thread.sleep(200);
    assertTrue(runs(stranger.pid()));
  }

  /** A table in which it is always the same moment. */
  private record AsOf(ProcessTable table, long now) implements ProcessTable {
    @Override
    public List<Entry> all() {
      return table.all();
    }

    @Override
    public Optional<Entry> entry(long pid) {
      return table.entry(pid);
    }

    @Override
    public Set<Long> carriers(List<Entry> processes, String variable) {
      return table.carriers(processes, variable);
    }

    @Override
    public String text(long started) {
      return table.text(started);
    }

    @Override
    public long started(String text) {
      return table.started(text);
    }

    @Override
    public String word(long started) {
      return table.word(started);
    }

    @Override
    public String environments() {
      return table.environments();
    }
  }

  @Test
  void the_dead_mans_switch_of_a_closed_registry_goes_with_its_last_agent() throws Exception {
    AgentProcess running = held(registry, "sleep 600");
    running.release();
    List<Long> both = started();
    assertEquals(2, both.size());
    registry.close();
    assertEquals(both, started());
    held(registry, "exit 0").end();
    assertTrue(runs(running.pid()), "nobody ends an agent because its worker is about to end");
    running.end();
    await("it goes", LONG, () -> started().isEmpty());
  }

  @Test
  @Timeout(900)
  void many_agents_leave_no_descriptor_thread_process_record_or_control_group() throws Exception {
    Optional<Path> cgroups =
        Cgroup.parent().map(own -> own.resolve("outlast-test-" + folder.getFileName()));
    if (cgroups.isPresent()) {
      Files.createDirectory(cgroups.get());
    }
    AgentRegistry starter = open(cgroups);
    held(starter, "exit 0").end();
    await("the first one is over", LONG, () -> threads() == 0);
    long descriptors = descriptors();
    // Each takes ps some tenths of a second.
    for (int i = 0; i < (table instanceof PsTable ? 50 : 1_000); i++) {
      AgentProcess agent = held(starter, "exit 0");
      agent.release();
      assertTrue(agent.awaitExit(LONG));
      assertEquals(0, agent.finish());
    }
    await("its threads end", LONG, () -> threads() == 0);
    assertTrue(descriptors() <= descriptors + 5, descriptors + ", then " + descriptors());
    assertEquals(List.of(), files());
    assertEquals(1, started().size(), "the dead man's switch");
    starter.close();
    if (cgroups.isPresent()) {
      // Fails if there is another one in it.
      Files.delete(cgroups.get());
    }
  }

  private static long threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("agent-"))
        .count();
  }

  private static long descriptors() throws IOException {
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      return open.count();
    }
  }
}
