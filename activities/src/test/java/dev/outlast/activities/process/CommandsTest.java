package dev.outlast.activities.process;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class CommandsTest {

  @Test
  void what_a_program_prints_is_its_output_only_if_it_ends_well() {
    assertEquals(
        Optional.of("a\nb"), Commands.output(List.of("/bin/sh", "-c", "echo ' a'; echo b")));
    assertEquals(Optional.empty(), Commands.output(List.of("/bin/sh", "-c", "echo a; exit 1")));
    assertEquals(Optional.empty(), Commands.output(List.of("/bin/sh", "-c", "echo")));
    assertEquals(Optional.empty(), Commands.output(List.of("/none/such")));
  }

  @Test
  void a_program_that_hangs_is_not_waited_for() {
    assertEquals(
        Optional.empty(), Commands.output(List.of("/bin/sh", "-c", "echo a; exec sleep 60")));
  }

  @Test
  void a_program_that_prints_without_end_is_not_read_without_end() {
    assertEquals(
        Optional.empty(),
        Commands.output(
            List.of("/bin/sh", "-c", "head -c " + (Commands.MAX_OUTPUT + 1) + " /dev/zero")));
    assertEquals(Optional.empty(), Commands.output(List.of("cat", "/dev/zero")));
  }
}
