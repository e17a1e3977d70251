Feature: Caps delay in sight, and the more important goes first
  Elsewhere a cap of zero blocks everything, what it holds is in an invisible queue, and what it skips
  nobody learns (mautic#6729, #9984, #10416).

  Background:
    Given the funnel says:
      """
      caps: [{times: 1, per: 1d, shift: 3d}]
      """

  Scenario: The second email of a day waits for the first legal instant
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
        - {key: pause, wait: 1h}
        - {key: again, email: again}
      """
    And Ana is a lead
    When 2 hours pass
    Then Ana has got hello
    And Ana's run through welcome is holding at again
    When 2 days pass
    Then Ana got again on 2026-03-03 at 10:00
    And nobody got two emails within 1 day

  Scenario: What would be held for longer than its shift is passed over
    Given the funnel says:
      """
      caps: [{times: 1, per: 7d, shift: 1d}]
      """
    And the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
        - {key: pause, wait: 1h}
        - {key: again, email: again}
      """
    And Ana is a lead
    When 20 days pass
    Then Ana has got hello
