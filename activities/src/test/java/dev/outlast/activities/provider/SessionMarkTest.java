package dev.outlast.activities.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionMark;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Marks of sessions as the agents' own programs have recorded them (claude 2.1.329, codex 0.169.0,
 * gemini 0.61.0, copilot 1.0.102, opencode 1.18.33): each was limited in its second turn, then a
 * person went on with it, and then a person went on and met the limit.
 */
class SessionMarkTest {

  /** An agent, and what its program writes into a session that is looked at and left again. */
  enum Subject {
    CLAUDE(
        """
        {"type":"attachment","uuid":"11111111-4a4f-4e16-b34b-f64bab42d81b","attachment":{"type":"hook_success"},"timestamp":"2026-11-22T10:27:03.188Z"}
        {"type":"user","isMeta":true,"message":{"role":"user","content":"Caveat: the messages below"},"uuid":"22222222-1","timestamp":"2026-11-22T10:27:03.188Z"}
        {"type":"user","message":{"role":"user","content":"<command-name>/exit</command-name>\\n<command-message>exit</command-message>"},"uuid":"22222222-2"}
        {"type":"user","message":{"role":"user","content":"<local-command-stdout>See ya!</local-command-stdout>"},"uuid":"22222222-3"}
        {"type":"system","subtype":"local_command","uuid":"22222222-4","content":"bye"}
        {"type":"last-prompt","lastPrompt":"Now do it","leafUuid":"x","sessionId":"s"}
        {"type":"cost-state","sessionId":"s","totalCostUSD":0.1}
        """),
    CODEX(
        """
        {"timestamp":"2026-11-22T10:27:10.648Z","ordinal":21,"type":"event_msg","payload":{"type":"thread_settings_applied","thread_id":"t"}}
        {"timestamp":"2026-11-22T10:27:10.649Z","ordinal":22,"type":"turn_context","payload":{"turn_id":"t"}}
        {"timestamp":"2026-11-22T10:27:10.650Z","ordinal":23,"type":"event_msg","payload":{"type":"token_count","info":null}}
        {"timestamp":"2026-11-22T10:27:10.651Z","ordinal":24,"type":"response_item","payload":{"type":"message","role":"developer","content":[]}}
        """),
    GEMINI(
        """
        {"$set":{"sessionId":"b3b90e88-8cd3-44e1-bfda-ad5d3ef54121"}}
        {"$set":{"messages":[{"id":"99999999","timestamp":"2026-11-22T10:29:15.686Z","type":"user","content":[]}]}}
        {"$set":{"lastUpdated":"2026-11-22T10:29:15.725Z"}}
        """),
    COPILOT(
        """
        {"type":"session.resume","data":{},"id":"33333333-1","timestamp":"2026-11-22T10:27:14.573Z","parentId":null}
        {"type":"system.message","data":{"role":"system","content":"x"},"id":"33333333-2"}
        {"type":"session.info","data":{},"id":"33333333-3"}
        {"type":"session.shutdown","data":{},"id":"33333333-4"}
        """),
    OPENCODE("");

    final String lookedAt;

    Subject(String lookedAt) {
      this.lookedAt = lookedAt;
    }

    String provider() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }

    AgentDriver driver() {
      return Providers.driver(AgentDefinition.newBuilder("mine", provider()).build());
    }

    SessionId session() throws IOException {
      return new SessionId(Files.readString(recorded("id")).strip());
    }

    Path recorded(String name) {
      URL url = SessionMarkTest.class.getResource("/sessions/" + provider() + "/" + name);
      try {
        return Path.of(url.toURI());
      } catch (URISyntaxException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private static final Program NOT_ASKED =
      arguments -> {
        throw new IllegalStateException("asked " + arguments);
      };

  @TempDir Path home;

  private Optional<SessionMark> mark(Subject subject, Path home) throws IOException {
    Path list = home.resolve("list.json");
    Program program =
        subject != Subject.OPENCODE
            ? NOT_ASKED
            : arguments -> {
              assertEquals(List.of("session", "list", "--format", "json"), arguments);
              return read(list);
            };
    return mark(subject, home, program);
  }

  private static Optional<String> read(Path file) {
    try {
      return Files.exists(file) ? Optional.of(Files.readString(file)) : Optional.empty();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Optional<SessionMark> mark(Subject subject, Path home, Program program)
      throws IOException {
    return subject
        .driver()
        .mark(
            subject.session(),
            new Surroundings(ZoneOffset.UTC, Map.of("HOME", home.toString()), home),
            program);
  }

  /** Copies a recorded state into the temporary home; the files that make up the session. */
  private List<Path> copy(Subject subject, String state) throws IOException {
    List<Path> files = new ArrayList<>();
    Path from = subject.recorded(state);
    try (Stream<Path> all = Files.walk(from)) {
      for (Path file : (Iterable<Path>) all.filter(Files::isRegularFile)::iterator) {
        Path to = home.resolve(from.relativize(file).toString());
        Files.createDirectories(to.getParent());
        Files.copy(file, to);
        files.add(to);
      }
    }
    return files;
  }

  private static void append(Path file, String text) throws IOException {
    Files.writeString(file, text, StandardOpenOption.APPEND);
  }

  @ParameterizedTest
  @EnumSource
  void a_person_who_goes_on_moves_the_mark(Subject subject) throws IOException {
    SessionMark limited = mark(subject, subject.recorded("limited")).orElseThrow();
    SessionMark continued = mark(subject, subject.recorded("continued")).orElseThrow();
    SessionMark again = mark(subject, subject.recorded("continued-limited")).orElseThrow();
    assertNotEquals(limited, continued);
    assertNotEquals(continued, again, "a prompt that was limited is one too");
    assertNotEquals(limited, again);
  }

  @ParameterizedTest
  @EnumSource
  void what_a_program_notes_for_itself_does_not_move_the_mark(Subject subject) throws IOException {
    List<Path> files = copy(subject, "limited");
    SessionMark before = mark(subject, home).orElseThrow();
    for (Path file : files) {
      append(file, subject.lookedAt);
    }
    assertEquals(before, mark(subject, home).orElseThrow());
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "OPENCODE")
  void megabytes_of_book_keeping_do_not_hide_the_mark(Subject subject) throws IOException {
    List<Path> files = copy(subject, "limited");
    SessionMark before = mark(subject, home).orElseThrow();
    String lines = subject.lookedAt.repeat(6_000);
    assertTrue(lines.length() > 2 * LastWord.FIRST_LOOK);
    for (Path file : files) {
      append(file, lines);
    }
    assertEquals(before, mark(subject, home).orElseThrow());
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "OPENCODE")
  void a_torn_or_hostile_end_of_the_file_does_not_move_the_mark(Subject subject)
      throws IOException {
    List<Path> files = copy(subject, "limited");
    SessionMark before = mark(subject, home).orElseThrow();
    for (Path file : files) {
      append(file, "\0\u001b[2J\n" + "[".repeat(100_000) + "\n{\"type\":\"user\",\"uui");
      Files.write(
          file, new byte[] {'\n', (byte) 0xff, (byte) 0xc0, '"'}, StandardOpenOption.APPEND);
    }
    assertEquals(before, mark(subject, home).orElseThrow());
  }

  @ParameterizedTest
  @EnumSource
  void a_session_that_is_gone_has_no_mark(Subject subject) throws IOException {
    assertEquals(Optional.empty(), mark(subject, home));
  }

  @ParameterizedTest
  @EnumSource
  void a_session_that_names_a_path_has_no_mark(Subject subject) throws IOException {
    copy(subject, "limited");
    for (String id : List.of("../../x", "/etc/passwd", "..", "../projects/x")) {
      Optional<SessionMark> mark =
          subject
              .driver()
              .mark(
                  new SessionId(id),
                  new Surroundings(ZoneOffset.UTC, Map.of("HOME", home.toString()), home),
                  arguments -> Optional.of("[]"));
      assertEquals(Optional.empty(), mark, id);
    }
  }

  @Test
  void a_program_that_does_not_answer_with_its_list_gives_no_mark() throws IOException {
    for (String answer : List.of("", "no", "[", "{}", "[1, null, {\"id\": 3}]")) {
      assertEquals(
          Optional.empty(), mark(Subject.OPENCODE, home, arguments -> Optional.of(answer)), answer);
    }
  }

  @Test
  void other_sessions_of_an_agent_do_not_move_the_mark() throws IOException {
    copy(Subject.GEMINI, "limited");
    SessionMark before = mark(Subject.GEMINI, home).orElseThrow();
    Path chats = home.resolve(".gemini/tmp/ws-gemini/chats");
    Files.writeString(
        chats.resolve("session-2026-11-22T10-27-aaaaaaaa.jsonl"),
        "{\"id\":\"z\",\"timestamp\":\"2026-11-22T10:27:00.000Z\",\"type\":\"user\"}\n");
    assertEquals(before, mark(Subject.GEMINI, home).orElseThrow());
  }

  /** Of two files of one session of claude, the one that was written last counts. */
  @Test
  void a_copy_in_another_project_that_was_gone_on_with_moves_the_mark() throws IOException {
    copy(Subject.CLAUDE, "limited");
    SessionMark before = mark(Subject.CLAUDE, home).orElseThrow();
    Path other = home.resolve(".claude/projects/-elsewhere");
    Files.createDirectories(other);
    Files.writeString(
        other.resolve(Subject.CLAUDE.session() + ".jsonl"),
        "{\"type\":\"user\",\"uuid\":\"of-a-person\",\"message\":{\"content\":\"on\"}}\n",
        StandardCharsets.UTF_8);
    assertEquals(new SessionMark("of-a-person"), mark(Subject.CLAUDE, home).orElseThrow());
    assertNotEquals(before, mark(Subject.CLAUDE, home).orElseThrow());
  }

  @Test
  void what_cannot_be_a_mark_is_none() {
    assertEquals(Optional.empty(), LastWord.mark(""));
    assertEquals(Optional.empty(), LastWord.mark("a b"));
    assertEquals(Optional.empty(), LastWord.mark("\u202e"));
    assertEquals(Optional.empty(), LastWord.mark("x".repeat(SessionMark.MAX_LENGTH + 1)));
    assertEquals("x", LastWord.mark("x").orElseThrow().value());
  }

  @Test
  void a_missing_file_is_an_error_of_the_reader() {
    assertThrows(
        NoSuchFileException.class,
        () -> LastWord.in(home.resolve("gone"), "x", node -> Optional.of("x")));
  }
}
