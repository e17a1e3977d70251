Feature: Scores add up, whatever the order
  "127 points were explained as 47"; points double, never decay and cannot be taken back
  (mautic#5369, #6387, #10262, #6996).

  Background:
    Given the sequence cart:
      """
      trigger: {event: cart_updated}
      steps:
        - {key: remind, email: basket}
      """
    And Ana and Bo are leads

  Scenario: Points halve with every half-life
    When Ana does form
    Then Ana's score is 20
    When 10 days pass
    And Ana does form
    Then Ana's score is 30

  Scenario: What is told late counts from when it happened
    When 10 days pass
    And Ana does form, 10 days ago
    And Bo does form
    Then Ana's score is 10
    And Bo's score is 20

  Scenario: An event that is told five times counts once
    When Ana does form
    And that is told 4 times more
    Then Ana's score is 20

  Scenario: A group is never more than its cap
    When Ana does form
    And Ana does form
    And Ana does form
    And Ana does form
    Then Ana's score is 60
