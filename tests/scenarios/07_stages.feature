Feature: Stages are moved by guards that everybody obeys, up and down
  Stages only move forward, an API passes by the rules, and refusals are silent (mautic#4285,
  #7472, #2531; the lifecycle stages of HubSpot).

  Background:
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
      """
    And the sequence deepen:
      """
      stage: mql
      steps:
        - {key: case, email: case}
      """
    And Ana is a lead

  Scenario: Points promote, and their decay brings back, at its very instant
    When Ana does form
    Then Ana stands in mql
    When 9 days pass
    Then Ana stands in mql
    When 2 days pass
    Then Ana stands in lead, and once stood in mql
    And Ana has got hello, case
    And nobody got anything twice

  Scenario: No stage is left before its dwell
    When Ana does form
    And Ana does demo
    Then Ana stands in mql
    And Ana was refused sql
    When 3 days pass
    Then Ana stands in sql

  Scenario: Sales turn a lead down, who goes back and rests
    When marketing moves Ana to sql, for no-reason
    Then Ana stands in sql
    When sales move Ana to lead, for no-budget
    Then Ana stands in lead, and once stood in sql
    When Ana does form
    And 1 day passes
    Then Ana stands in lead
