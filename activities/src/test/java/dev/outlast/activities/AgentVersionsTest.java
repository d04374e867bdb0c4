package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.claim.HeldClaim;
import dev.outlast.activities.process.AgentOwner;
import dev.outlast.activities.process.AgentRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
class AgentVersionsTest {

  private static final Map<String, String> PATH = Map.of("PATH", System.getenv("PATH"));

  @TempDir Path folder;

  private Path program(String body) throws IOException {
    Path file = Files.writeString(folder.resolve("agent"), "#!/bin/sh\necho x >> asked\n" + body);
    assertTrue(file.toFile().setExecutable(true));
    return file;
  }

  private Optional<String> ask(AgentVersions versions, Path program) throws IOException {
    return ask(versions, program, new ScriptedAgent(folder, "").claim());
  }

  private Optional<String> ask(AgentVersions versions, Path program, HeldClaim claim) {
    return versions.of(
        new AskedProgram(
            program,
            folder,
            PATH,
            AgentRegistry.open(folder),
            new AgentOwner("run", "execution", "1", 1),
            claim),
        List.of("--version"));
  }

  private int asked() throws IOException {
    return Files.readAllLines(folder.resolve("asked")).size();
  }

  @Test
  void a_program_is_asked_once_and_again_when_its_file_has_changed() throws IOException {
    AgentVersions versions = new AgentVersions();
    Path program = program("echo 1.2.3");
    Files.setLastModifiedTime(program, FileTime.from(Instant.parse("2026-01-01T00:00:00Z")));
    assertEquals(Optional.of("1.2.3"), ask(versions, program));
    assertEquals(Optional.of("1.2.3"), ask(versions, program));
    assertEquals(1, asked());

    program("echo 1.2.4");
    assertEquals(Optional.of("1.2.4"), ask(versions, program));
  }

  @Test
  void the_version_is_read_from_what_the_known_programs_print() {
    Map.of(
            "2.1.329 (Claude Code)\n", "2.1.329",
            "codex-cli 0.169.0\n", "0.169.0",
            "0.61.0\n", "0.61.0",
            "GitHub Copilot CLI 1.0.102.\nRun 'copilot update' to check.\n", "1.0.102",
            "agent v2.0.0-beta.1 on node 20.1.0", "2.0.0-beta.1",
            "nightly\nbuild", "nightly")
        .forEach(
            (answer, version) -> assertEquals(Optional.of(version), AgentVersions.version(answer)));
    assertEquals(Optional.empty(), AgentVersions.version(" \n"));
  }

  @Test
  void what_is_read_of_an_answer_is_bounded() throws IOException {
    Path program = program("yes 0123456789abcdef | head -c 3000000; echo; echo 9.9.9");
    String version = ask(new AgentVersions(), program).orElseThrow();
    assertTrue(version.length() <= AgentVersions.MAX_VERSION, version);
    assertTrue(version.startsWith("0123456789abcdef"), version);
  }

  @Test
  void a_program_that_fails_hangs_or_is_gone_has_no_version() throws IOException {
    assertEquals(Optional.empty(), ask(new AgentVersions(), program("echo 1.2.3; exit 3")));
    long began = System.nanoTime();
    assertEquals(Optional.empty(), ask(new AgentVersions(), program("echo 1.2.3; exec sleep 500")));
    Duration took = Duration.ofNanos(System.nanoTime() - began);
    assertTrue(took.compareTo(AgentVersions.MAX_TIME.plusMinutes(1)) < 0, took::toString);
    assertEquals(Optional.empty(), ask(new AgentVersions(), folder.resolve("gone")));
  }

  @Test
  void a_program_is_not_let_go_for_an_attempt_that_has_been_overtaken() throws IOException {
    ScriptedAgent agent = new ScriptedAgent(folder, "");
    HeldClaim old = agent.claim("run", 1);
    HeldClaim newer = agent.claim("run", 2);
    Path program = program("echo 1.2.3");
    assertEquals(Optional.empty(), ask(new AgentVersions(), program, old));
    assertFalse(Files.exists(folder.resolve("asked")));
    assertEquals(Optional.of("1.2.3"), ask(new AgentVersions(), program, newer));
  }
}
