Feature: Nobody gets the same content twice through another door
  "I got the same guide from three campaigns" (mautic#16262, #6323): a ledger across all
  sequences, asked before each email.

  Background:
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
        - {key: pause, wait: 5d}
        - {key: again, email: again}
      """
    And the sequence course:
      """
      trigger: {event: signup}
      reentry: one_at_a_time
      steps:
        - {key: hi, email: hello}
        - {key: rest, wait: 1h}
        - {key: case, email: case}
      """
    And Ana is a lead

  Scenario: What came by one door is passed over at the other
    When 1 day passes
    And Ana does signup
    And 10 days pass
    Then Ana has got hello, case, again
    And nobody got anything twice

  Scenario: Who comes again gets only what is new
    When Ana does signup
    And 1 day passes
    And Ana does signup
    And 10 days pass
    Then Ana has 2 runs through course
    And Ana has got hello, case, again
